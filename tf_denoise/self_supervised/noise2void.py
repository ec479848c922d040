"""Noise2Void: pixels are hidden from the network, which is asked for them; of the noise nothing need be known."""

from typing import Literal, get_args

import tensorflow as tf

from tf_denoise.checks import finite_number, one_of
from tf_denoise.data.crops import CropSampler, check_alone, check_turns, crop_batches
from tf_denoise.noise.base import floating, later

SHARE = 0.4
"""Of the pixels that are hidden at a time. Of few the network learns slowly: in equal short trainings 0.04 ended 0.9 dB
below 0.2, in longer ones 0.2 ended 0.1 dB below 0.4."""
LINES_SHARE = 0.2
"""Of the lines that are hidden at a time."""
REPLACEMENTS = ("neighbour", "median")
Axis = Literal["rows", "columns"]
AXES: tuple[Axis, ...] = get_args(Axis)
_RADIUS = 2
_LINES_AWAY = 4
"""Lines from which the values of a hidden line may come, on either side."""


def hide_pixels(
    noisy,
    seed,
    *,
    share: float | None = None,
    replacement: str = "neighbour",
    along: str | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Images in which some pixels are replaced, and where they are.

    A network that is asked for the hidden pixels can only tell what their surroundings say: the picture. Noise that is
    independent of them it cannot tell. Where neighbours share noise along a row, or a column, the whole line is hidden
    behind another, because what lies beyond the ends of a part of it still shares its noise.

    Args:
        noisy: Float tensor `(batch, height, width, channels)`.
        seed: A pair of integers; the same pair gives the same.
        share: Of the pixels that are hidden, between 0 and 1; defaults to 0.4, of whole lines to 0.2.
        replacement: `"neighbour"`: a pixel drawn from the 5 x 5 around it, not itself. `"median"`: the median of the
            eight around it.
        along: `"rows"` or `"columns"`: the noise is shared along them. Each hidden line is replaced by one of the four
            on either side, moved by up to two pixels along itself. `None`: the noise of each pixel is its own.

    Returns:
        `(input, weight)`: the images, of the shape and dtype of `noisy`, and float32 `(batch, height, width)`, 0 where
        nothing is hidden, and where it is one over the share, to weigh a loss with.

    Raises:
        ValueError: If an argument is not what it should be, or the images are integers.

    Reference:
        - [Krull et al., Noise2Void: Learning Denoising from Single Noisy Images, 2019](
          https://arxiv.org/abs/1811.10980)
        - [Hoeck et al., N2V2: Fixing Noise2Void Checkerboard Artifacts, 2022](https://arxiv.org/abs/2211.08512)
        - [Broaddus et al., Removing Structured Noise with Self-Supervised Blind-Spot Networks, 2020](
          https://doi.org/10.1109/ISBI45749.2020.9098336)

    Example:
        >>> hidden, weight = hide_pixels(tf.random.stateless_normal((2, 32, 32, 3), (1, 2)), (3, 4), share=0.1)
        >>> hidden.shape, weight.shape
        (TensorShape([2, 32, 32, 3]), TensorShape([2, 32, 32]))
    """
    if share is None:
        share = SHARE if along is None else LINES_SHARE
    part = finite_number(share, most=1.0)
    if not part or part == 1:
        raise ValueError(f"`share` of the pixels lies between 0 and 1; received {share}.")
    one_of(replacement, REPLACEMENTS, "replacement of a hidden pixel")
    noisy, seed = floating("hide_pixels", noisy), tf.cast(seed, tf.int64)
    if along is not None:
        one_of(along, AXES, "axis that noise is shared along")
        if replacement != "neighbour":
            raise ValueError(f"A line is replaced by a neighbour; received {replacement!r} with along={along!r}.")
        return _hide_lines(noisy, seed, part, along)
    is_hidden = tf.random.stateless_uniform(tf.shape(noisy)[:3], seed, alg="philox") < part
    instead = _median(noisy) if replacement == "median" else _neighbour(noisy, later(seed, 1))
    return tf.where(is_hidden[..., None], instead, noisy), tf.cast(is_hidden, tf.float32) / part


def masked_crops(
    sampler: CropSampler,
    *,
    share: float | None = None,
    replacement: str = "neighbour",
    along: str | None = None,
    start_step: int = 0,
) -> tf.data.Dataset:
    """An endless dataset of `(input, target, weight)` for `model.fit(..., loss="mse", steps_per_epoch=...)`.

    Keras weighs the loss of each pixel with the third. The batch of a step depends on the sampler's seed and the step
    alone.

    Args:
        sampler: Cuts crops of noisy photographs.
        share: As for `hide_pixels`.
        replacement: As for `hide_pixels`.
        along: As for `hide_pixels`. The sampler has to leave rows rows, `CropSampler(..., turns=4)`.
        start_step: Number of the first batch.

    Returns:
        Dataset of input and target, float32 `(batch_size, crop_size, crop_size, channels)`, and weights
        `(batch_size, crop_size, crop_size)`.

    Raises:
        ValueError: If the sampler is one of pairs, or makes columns of rows where lines are to be hidden.
    """
    check_alone(sampler, "masked_crops")
    if along is not None:
        check_turns(sampler, along)
    seed = tf.constant(sampler.seed, tf.int64)

    def triple(noisy, step):
        key = tf.stack([seed, step])
        hidden, weight = hide_pixels(noisy, key, share=share, replacement=replacement, along=along)
        return hidden, noisy, weight

    batches = crop_batches(sampler, start_step)
    return batches.map(triple, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)


def _neighbour(noisy: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """At each pixel the value of one near it, drawn anew for each; beyond the edge lies the other side."""
    steps = range(-_RADIUS, _RADIUS + 1)
    offsets = [(down, right) for down in steps for right in steps if (down, right) != (0, 0)]
    drawn = tf.random.stateless_uniform(tf.shape(noisy)[:3], seed, 0, len(offsets), tf.int32, alg="philox")
    instead = noisy
    for number, (down, right) in enumerate(offsets):
        instead = tf.where((drawn == number)[..., None], tf.roll(noisy, (down, right), (1, 2)), instead)
    return instead


def _hide_lines(noisy: tf.Tensor, seed: tf.Tensor, part: float, along: str) -> tuple[tf.Tensor, tf.Tensor]:
    """Whole rows, or columns, behind others; beyond the edge the lines come again in reverse."""
    to_rows = (0, 1, 2, 3) if along == "rows" else (0, 2, 1, 3)
    lines = tf.transpose(noisy, to_rows)
    which, count = tf.shape(lines)[:2], tf.shape(lines)[1]
    is_hidden = tf.random.stateless_uniform(which, seed, alg="philox") < part
    away = tf.random.stateless_uniform(which, later(seed, 1), 0, 2 * _LINES_AWAY, tf.int32, alg="philox") - _LINES_AWAY
    away = tf.where(away < 0, away, away + 1)  # not the line itself
    own = tf.range(count)[None]
    there = tf.where((own + away >= 0) & (own + away < count), own + away, own - away)
    instead = tf.gather(lines, tf.clip_by_value(there, 0, count - 1), axis=1, batch_dims=1)
    moved = tf.random.stateless_uniform(which, later(seed, 2), -_RADIUS, _RADIUS + 1, tf.int32, alg="philox")
    for step in range(-_RADIUS, _RADIUS + 1):
        if step:
            instead = tf.where((moved == step)[..., None, None], tf.roll(instead, step, 2), instead)
    hidden = tf.transpose(tf.where(is_hidden[..., None, None], instead, lines), to_rows)
    weight = tf.broadcast_to(tf.cast(is_hidden, tf.float32)[..., None] / part, tf.shape(lines)[:3])
    return hidden, tf.transpose(weight, to_rows[:3])


def _median(noisy: tf.Tensor) -> tf.Tensor:
    """At each pixel the median of the eight around it, the mean of the two in the middle."""
    around = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1) if (down, right) != (0, 0)]
    values = tf.sort(tf.stack([tf.roll(noisy, place, (1, 2)) for place in around], axis=-1), axis=-1)
    return (values[..., 3] + values[..., 4]) / 2
