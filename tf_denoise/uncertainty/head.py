"""The network that tells how far a denoised value may lie from the clean one: small, beside a denoiser that stays."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import layers, ops

from tf_denoise.checks import finite_number, whole_number
from tf_denoise.layers import CropLike, PadToMultiple
from tf_denoise.models.base import Network, dtype_policy

CELL = 4
"""Side in pixels of the squares that the head sees as one place."""
LEAST_SCALE = 0.5 / 255
"""Added to the local strength of the noise, so that nothing is divided by next to nothing where there is none."""


def _mean_of_channels(x):
    return ops.mean(x, axis=-1, keepdims=True)


def _widths(stacked, channels: int, width: int, blocks: int, policy):
    """The symbolic widths of symbolic pictures."""
    padded = PadToMultiple(CELL, dtype="float32", name="padded")(stacked)
    noisy, denoised = padded[..., :channels], padded[..., channels:]
    removed = ops.space_to_depth(noisy - denoised, CELL)
    # How strong the noise is around each place: everything is looked at in shares of it.
    local = layers.AveragePooling2D(5, 1, "same", dtype="float32", name="around")
    strength = local(_mean_of_channels(ops.abs(removed))) + LEAST_SCALE
    mean = layers.AveragePooling2D(CELL, dtype="float32", name="cell_means")(denoised)
    detail = ops.space_to_depth(denoised, CELL) - ops.concatenate([mean] * CELL**2, axis=-1)
    shares = ops.concatenate([detail, mean - local(mean)], axis=-1) / strength
    light = ops.concatenate([mean, ops.log(strength)], axis=-1)
    x = ops.concatenate([removed / strength, ops.softsign(shares / 2), light], axis=-1)
    options = {"padding": "same", "kernel_initializer": "he_normal", "dtype": policy}
    x = layers.Conv2D(width, 3, activation="relu", name="stem", **options)(x)
    for index in range(1, blocks + 1):
        y = layers.Conv2D(width, 3, activation="relu", name=f"block{index}_conv1", **options)(x)
        y = layers.Conv2D(width, 3, name=f"block{index}_conv2", **{**options, "kernel_initializer": "zeros"})(y)
        x = layers.Add(dtype=policy, name=f"block{index}")([x, y])
    x = layers.Conv2D(
        2 * channels * CELL**2, 1, kernel_initializer="zeros", bias_initializer="zeros", dtype=policy, name="head"
    )(x)
    x = strength * ops.softplus(ops.cast(x, "float32"))
    x = CropLike(dtype="float32", name="cropped")(ops.depth_to_space(x, CELL), stacked)
    return layers.Activation("linear", dtype="float32", name="widths")(x)


@keras.saving.register_keras_serializable("tf_denoise")
class IntervalHead(Network):
    """A small network that gives the range in which each clean value lies, from the noisy and the denoised picture.

    It fits any denoiser, and is trained for one, by `quantile_loss` on what that leaves: `training.intervals` does it.
    It works on squares of 4 x 4 pixels, so it costs a small part of the denoiser. What it looks at is divided by the
    local strength of the noise, as the denoised picture tells it, and what it gives is multiplied by it.

    Args:
        channels: Channels of the pictures, 1 for grey and 3 for colour.
        width: Channels of its maps.
        blocks: Residual blocks of two convolutions.
        denoiser: Fingerprint of the network that it was trained for, or `None`.
        scale: What its widths are to be multiplied by, found by calibration; `None` before that.
        record: What is known of its training, calibration and coverage, JSON values.
        dtype: Data type or policy of the layers; defaults to the global policy.

    Input shape:
        `(batch, height, width, 2 * channels)`: the noisy values, then the denoised ones, with white at 1.

    Output shape:
        The same, float32: how far the interval reaches below the denoised values, and how far above. 0 or more, not yet
        multiplied by `scale`.

    Raises:
        ValueError: If a number is not a positive integer, or the scale not a number above 0.

    Example:
        >>> import numpy as np
        >>> head = IntervalHead(channels=1, width=8)
        >>> head(np.zeros((2, 13, 7, 2), "float32")).shape
        TensorShape([2, 13, 7, 2])
    """

    ARGUMENTS = ("channels", "width", "blocks", "denoiser", "scale", "record")

    def __init__(
        self,
        channels: int = 3,
        width: int = 64,
        blocks: int = 1,
        denoiser: str | None = None,
        scale: float | None = None,
        record: Mapping[str, Any] | None = None,
        dtype=None,
        **kwargs,
    ):
        numbers = whole_number(channels), whole_number(width), whole_number(blocks)
        if None in numbers:
            raise ValueError(
                "An IntervalHead takes positive integer channels, width and blocks; received "
                f"channels={channels}, width={width}, blocks={blocks}."
            )
        factor = None if scale is None else finite_number(scale)
        if scale is not None and not factor:
            raise ValueError(f"`scale` is a number above 0, or None; received {scale!r}.")
        policy = dtype_policy(dtype)
        stacked = keras.Input((None, None, 2 * numbers[0]), dtype="float32", name="noisy_and_denoised")
        super().__init__(stacked, _widths(stacked, *numbers, policy), policy, **kwargs)
        self.channels, self.width, self.blocks = numbers
        self.denoiser, self.scale, self.record, self.stride = denoiser, factor, dict(record or {}), CELL
