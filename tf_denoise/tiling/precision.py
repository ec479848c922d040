"""In which data type a trained network is used: float32, or bfloat16 where that is faster on this machine."""

import time

import keras
import numpy as np
import tensorflow as tf

from tf_denoise.errors import InputError
from tf_denoise.models.base import Network, in_dtype

WORTHWHILE = 0.8
"""Mixed precision is taken where it takes at most this share of the time of float32."""
WORTH_TIMING = 8.0
"""Megapixels: with less to do, both are not timed and float32 is taken."""
_PROBE = 128


def choose_precision(model: keras.Model, wanted: str, megapixels: float) -> tuple[keras.Model, str]:
    """The network in the data type to use it in, and the name of that type.

    Args:
        model: A trained network.
        wanted: `auto`, `none` (float32) or `bfloat16`.
        megapixels: How much there is to denoise.

    Returns:
        The network, itself or a copy, and `float32` or `bfloat16`. Its weights and outputs are float32 either way.

    Raises:
        InputError: If bfloat16 is wanted of a network that is not a class of tf_denoise.
    """
    if not isinstance(model, Network):
        if wanted == "bfloat16":
            raise InputError(
                "--mixed-precision bfloat16 goes with a network of tf_denoise, such as a UNet; leave it out."
            )
        return model, "float32"
    if wanted == "none" or (wanted == "auto" and megapixels < WORTH_TIMING):
        return in_dtype(model, "float32"), "float32"
    plain, mixed = in_dtype(model, "float32"), in_dtype(model, "mixed_bfloat16")
    if wanted == "bfloat16" or _seconds(mixed) <= WORTHWHILE * _seconds(plain):
        return mixed, "bfloat16"
    return plain, "float32"


def _seconds(model: keras.Model) -> float:
    """The time that a small picture takes, the best of three."""
    picture = tf.constant(np.full((1, _PROBE, _PROBE, model.input_shape[-1]), 0.5, "float32"))
    call = tf.function(lambda images: model(images, training=False))
    call(picture)
    times = []
    for _ in range(3):
        started = time.perf_counter()
        call(picture).numpy()
        times.append(time.perf_counter() - started)
    return min(times)
