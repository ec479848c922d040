"""Training a copy of a network on for one noisy picture, from that picture alone."""

import dataclasses
import math
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tf_denoise.checks import finite_number
from tf_denoise.fitting.loop import train
from tf_denoise.fitting.optimizer import averaging_adam
from tf_denoise.noise.base import later
from tf_denoise.noise.found import FoundNoise, find_noise
from tf_denoise.self_supervised.recorrupted import recorrupt
from tf_denoise.tiling import TiledDenoiser
from tf_denoise.uncertainty.assessment import LEAST_JUDGED
from tf_denoise.uncertainty.level import refined_noise, within_range
from tf_denoise.uncertainty.sure import estimate_psnr, highest_psnr, judged_psnr

RATE = 1e-4
CROP, BATCH, CELL = 96, 8, 32
"""Side of the crops, their number in a step, and side of the squares that are not learned from, in pixels."""
HELD_OUT = 0.2
"""Share of the picture that is not learned from, but judged on."""
JUDGEMENTS = 6
FALL = 3.0
"""An estimated PSNR so many dB below the best leads back to it."""
_TIMED_STEPS = 4
_LOOKED_AT = 1024


@dataclasses.dataclass(frozen=True)
class Adapted:
    """What `adapt` gives.

    Attributes:
        model: The network, trained on.
        noise: The noise that it learned by.
        before: Estimated PSNR in dB on the part that was not learned from, of the network as it was, up to `most`.
        after: The same of the network as it is.
        steps: Steps of training.
        most: The PSNR in dB beyond which an estimate says no more than that it is so high.
    """

    model: keras.Model
    noise: FoundNoise
    before: float
    after: float
    steps: int
    most: float


def adapt(
    model: keras.Model,
    picture: np.ndarray,
    minutes: float,
    *,
    seed: int = 0,
    on_step: Callable[[], None] = lambda: None,
) -> Adapted:
    """Train a copy of a network on for one noisy picture.

    It learns by Recorrupted-to-Recorrupted from the noise that was found in the picture. A fifth of it, in squares of
    32 pixels, is not asked for: there the network is judged by its estimated PSNR, and the best state is what comes
    out; that may be the network as it was.

    Args:
        model: A network of images `(batch, height, width, channels)`, height and width unknown; it stays as it is.
        picture: `(height, width, channels)`, uint8, uint16, or floating point with white at 1, at least 96 x 96.
        minutes: How long to train.
        seed: Integer seed of crops and noise.
        on_step: Called after each step of training; what it raises ends it.

    Returns:
        The network and what it gained.

    Raises:
        ValueError: If the picture is too small, or its noise is none that can be learned from alone.
    """
    if not finite_number(minutes):
        raise ValueError(f"`minutes` is a number above 0; received {minutes}.")
    if min(picture.shape[:2]) < CROP:
        raise ValueError(
            f"To adapt to a picture it takes {CROP} x {CROP} pixels or more; received {picture.shape[1]} x "
            f"{picture.shape[0]}."
        )
    channels = model.input_shape[-1]
    denoiser = TiledDenoiser(model)
    noise = _noise_to_learn_from(picture, denoiser)
    images = _as_images(picture, channels)
    held_out = _cells(images.shape[1:3], seed)
    copy = type(model).from_config(model.get_config()) if hasattr(model, "stride") else keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    between = 1.0 if picture.shape[-1] < channels else noise.channel_correlation
    batches = _Batches(images, noise, between, held_out, seed)
    steps = max(JUDGEMENTS, int(60 * minutes / _seconds_per_step(copy, model, batches)))
    steps = JUDGEMENTS * math.ceil(steps / JUDGEMENTS)
    copy.compile(averaging_adam(RATE, steps), "mse", jit_compile=False)
    judge = _Judge(copy, images[0], noise, between, held_out)
    with tempfile.TemporaryDirectory() as folder:
        record = train(
            copy,
            copy,
            batches,
            Path(folder),
            epochs=JUDGEMENTS,
            steps_per_epoch=steps // JUDGEMENTS,
            judge=judge,
            fall=FALL,
            callbacks=[keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: on_step())],
        )
    most = highest_psnr(noise.deviation**2)
    return Adapted(copy, noise, min(record["start_value"], most), min(judge(), most), steps, most)


def _noise_to_learn_from(picture: np.ndarray, denoiser: TiledDenoiser) -> FoundNoise:
    """The noise of a picture, refined by what the network makes of it."""
    noise = find_noise([picture])
    if noise is None or noise.is_hidden:
        raise ValueError("There is no more noise in the picture than rounding hides: there is nothing to learn from.")
    if not noise.is_white:
        raise ValueError(f"A network cannot adapt to this noise: it takes noise of each pixel alone. {noise.in_words}")
    top, left = (max(0, side - _LOOKED_AT) // 2 for side in picture.shape[:2])
    part = picture[top : top + _LOOKED_AT, left : left + _LOOKED_AT]
    told = refined_noise(noise, part, denoiser(part))
    return noise if told is None else told.noise


def _as_images(picture: np.ndarray, channels: int) -> np.ndarray:
    """The picture as images for a network of that many channels, float32 `(count, height, width, channels)`."""
    white = np.iinfo(picture.dtype).max if picture.dtype.kind == "u" else 1
    values = picture.astype("float32") / np.float32(white)
    if picture.shape[-1] == channels:
        return values[None]
    if picture.shape[-1] == 1:
        return values[None].repeat(channels, axis=-1)
    return np.moveaxis(values, -1, 0)[..., None]


def _cells(size: tuple[int, int], seed: int) -> np.ndarray:
    """Which places are not learned from, boolean `(height, width)`: whole squares, drawn at random."""
    rows, columns = (-(-side // CELL) for side in size)
    order = np.random.default_rng(seed).permutation(rows * columns)
    chosen = np.zeros(rows * columns, bool)
    chosen[order[: max(1, round(HELD_OUT * len(order)))]] = True
    cells = chosen.reshape(rows, columns).repeat(CELL, axis=0).repeat(CELL, axis=1)
    return cells[: size[0], : size[1]]


class _Batches:
    """The batches from a step on: input, target, and where the target counts."""

    def __init__(self, images: np.ndarray, noise: FoundNoise, between: float, held_out: np.ndarray, seed: int):
        counts = (~held_out).astype("float32")[None, ..., None].repeat(len(images), axis=0)
        self.noise, self.between, self.seed = noise, between, seed
        self.stack = tf.constant(np.concatenate([images, counts / counts.mean()], axis=-1))

    def __call__(self, start_step: int) -> tf.data.Dataset:
        steps = tf.data.Dataset.counter(start_step)
        return steps.map(self._batch, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(2)

    def _batch(self, step) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        key = tf.stack([tf.constant(self.seed, tf.int64), step])
        count, height, width, _ = self.stack.shape
        places = tf.random.stateless_uniform((BATCH, 4), later(key, 1), alg="philox")
        most = tf.constant([count, height - CROP + 1, width - CROP + 1, 8], tf.float32)
        places = tf.cast(places * most, tf.int32)
        crops = tf.stack([self._cut(places[index]) for index in range(BATCH)])
        noisy, counts = crops[..., :-1], crops[..., -1]
        sigma, gain = self.noise.sigma, self.noise.gain
        given, target = recorrupt(noisy, key, sigma, gain, between_channels=self.between)
        return given, target, counts

    def _cut(self, place) -> tf.Tensor:
        crop = tf.slice(self.stack[place[0]], [place[1], place[2], 0], [CROP, CROP, -1])
        crop = tf.cond(place[3] > 3, lambda: tf.image.flip_left_right(crop), lambda: crop)
        return tf.ensure_shape(tf.image.rot90(crop, place[3] % 4), (CROP, CROP, self.stack.shape[-1]))


class _Judge:
    """Estimated PSNR of the copy, as it is, on the part that is not learned from."""

    def __init__(self, copy, image: np.ndarray, noise: FoundNoise, between: float, held_out: np.ndarray):
        top, left = (max(0, side - _LOOKED_AT) // 2 for side in held_out.shape)
        window = slice(top, top + _LOOKED_AT), slice(left, left + _LOOKED_AT)
        self.noise, self.between, self.image = noise, between, image[window]
        self.where = held_out[window][..., None].repeat(image.shape[-1], axis=-1)
        self.denoise = TiledDenoiser(copy)
        within = self.where & within_range(noise, self.denoise(self.image))  # where noise is not cut off
        if within.mean() >= LEAST_JUDGED * self.where.mean():
            self.where = within

    def __call__(self) -> float:
        sigma, gain, between = self.noise.sigma, self.noise.gain, self.between
        found = estimate_psnr(self.denoise, self.image, sigma, gain, between_channels=between, where=self.where)
        return judged_psnr(found.mse, self.noise.deviation**2)


def _seconds_per_step(copy, model, batches: _Batches) -> float:
    """Time of a training step of a copy, which is brought back to the weights of the model."""
    copy.compile(averaging_adam(RATE, _TIMED_STEPS), "mse", jit_compile=False)
    times: list[float] = []
    clock = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: times.append(time.monotonic()))
    copy.fit(batches(0), steps_per_epoch=_TIMED_STEPS, callbacks=[clock], verbose=0, shuffle=False)
    copy.set_weights(model.get_weights())
    return float(np.median(np.diff(times)))
