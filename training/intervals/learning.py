"""How the head of intervals is trained, beside a network that stays as it is."""

import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from tf_denoise.data.batches import noisy_crops
from tf_denoise.data.crops import CropSampler
from tf_denoise.fitting.optimizer import averaging_adam
from tf_denoise.seeds import derive_seed
from tf_denoise.tiling.geometry import turned
from tf_denoise.uncertainty.head import IntervalHead
from tf_denoise.uncertainty.quantile_loss import quantile_loss

CROP, BATCH = 96, 16
RATE = 2e-3
USES = 6
"""How often each crop is learned from, turned in other ways: to denoise it takes longer than to learn from it."""
HELD = 32
"""Batches of crops among which a step's is drawn."""
_WARM_UP = 2
_LEAST_WEIGHED = 1 / 255


def train_head(
    head: IntervalHead,
    network: keras.Model,
    sampler: CropSampler,
    noise: keras.layers.Layer,
    *,
    steps: int | None = None,
    minutes: float | None = None,
    seed: int = 0,
    on_step: Callable[[int, int, float], None] = lambda step, steps, loss: None,
) -> dict:
    """Train a head on what a network leaves of the noise on crops.

    Each batch of crops is denoised once and learned from six times. The loss of an image is divided by the strength of
    its noise, as what was removed tells it, so that faint noise counts as much as strong noise.

    Args:
        head: The head; its weights are changed.
        network: The denoiser; it is not.
        sampler: Where the crops come from.
        noise: The noise that is put on them.
        steps: Training steps.
        minutes: Time, instead of `steps`: their number is found from the first ones.
        seed: Integer seed of the order.
        on_step: Called after each step with its number, their number, and the loss.

    Returns:
        The record: `steps`, `seconds`, and the mean loss of the first and of the last tenth.
    """
    denoise = tf.function(lambda images: network(images, training=False), reduce_retracing=True)
    crops = iter(noisy_crops(sampler, noise))
    random = np.random.default_rng(derive_seed(seed, "order"))
    held: list[tuple[np.ndarray, np.ndarray]] = []

    def fill() -> None:
        noisy, clean = next(crops)
        denoised = denoise(noisy).numpy()
        stacked = np.concatenate([noisy.numpy(), denoised], axis=-1)
        if len(held) == HELD:
            held.pop(random.integers(HELD))
        held.append((stacked, clean.numpy() - denoised))

    def learn() -> float:
        stacked, residuals = held[random.integers(len(held))]
        noisy, denoised = np.split(stacked, 2, axis=-1)
        removed = np.abs(noisy - denoised).mean(axis=(1, 2, 3))
        turn = int(random.integers(8))
        given, target = (np.ascontiguousarray(turned(images, turn)) for images in (stacked, residuals))
        return float(head.train_on_batch(given, target, sample_weight=0.1 / (removed + _LEAST_WEIGHED)))

    def one_step(step: int) -> float:
        if step % USES == 0:
            fill()
        return learn()

    started = time.monotonic()
    if steps is None:
        steps = _steps_in(60 * minutes, head, one_step)
    head.compile(averaging_adam(RATE, steps), quantile_loss, jit_compile=False)
    losses = []
    for step in range(steps):
        losses.append(one_step(step))
        on_step(step + 1, steps, losses[-1])
    head.optimizer.finalize_variable_values(head.trainable_variables)
    tenth = max(1, steps // 10)
    return {
        "steps": steps,
        "seconds": round(time.monotonic() - started, 1),
        "first_loss": float(np.mean(losses[:tenth])),
        "last_loss": float(np.mean(losses[-tenth:])),
    }


def _steps_in(seconds: float, head: IntervalHead, one_step: Callable[[int], float]) -> int:
    """How many steps there are time for, the timed ones taken off; the head is brought back to where it was."""
    weights = head.get_weights()
    head.compile(averaging_adam(RATE, USES), quantile_loss, jit_compile=False)
    started = time.monotonic()
    for step in range(_WARM_UP * USES):  # traces both graphs
        one_step(step)
    timed = time.monotonic()
    for step in range(USES):
        one_step(step)
    ended = time.monotonic()
    head.set_weights(weights)
    each = (ended - timed) / USES
    return max(USES, int((seconds - (ended - started)) / each))
