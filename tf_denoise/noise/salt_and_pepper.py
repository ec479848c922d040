"""Salt-and-pepper noise, as a stateless function and as a Keras layer.

The noise knows nothing of its schedule: a schedule says which level an image gets, the noise applies it.
"""

from typing import Any

import keras
import tensorflow as tf

from tf_denoise.noise.base import NoiseLayer, floating, later
from tf_denoise.noise.strengths import ConstantLevel, Strengths, per_image

# Sixteen random bits decide a pixel: half the random numbers of a float per pixel, and a third is met to 1e-5.
_DRAWS = 2**16


def salt_and_pepper(images, level, seed, low: float = -1.0, high: float = 1.0) -> tf.Tensor:
    """Salt-and-pepper noise that is a pure function of its arguments.

    Each pixel is chosen with probability `level`; a chosen pixel becomes `low`, stays, or becomes `high` with
    probability one third each. So `2 / 3 * level` of the pixels are replaced, and `level=1` leaves a third of the
    image. The probabilities are met to 2**-16, and a level below 2.3e-5 changes nothing.

    The same seed gives the same noise: eagerly, in a graph and under XLA.

    Args:
        images: Float tensor `(batch, ...)`.
        level: Fraction in [0, 1], a scalar or one per image, `(batch,)`.
        seed: A pair of integers, `(2,)`.
        low: Value of pepper. -1.0 for images in [-1, 1].
        high: Value of salt.

    Returns:
        Tensor of the shape and dtype of `images`.

    Raises:
        ValueError: If `images` are not floating point, if `level` lies outside [0, 1], or if there is not one level
            per image.

    Example:
        >>> import numpy as np
        >>> clean = np.zeros((2, 784), "float32")
        >>> noisy = salt_and_pepper(clean, level=[0.0, 0.6], seed=(1, 2))
        >>> [round(float(np.mean(image != 0)), 1) for image in noisy]
        [0.0, 0.4]
    """
    images = floating("salt_and_pepper", images)
    level = tf.cast(per_image("level", level, images, most=1.0), tf.float32)
    draws = _sixteen_bit_draws(tf.shape(images), seed)
    third = tf.cast(tf.round(level * (_DRAWS / 3)), tf.int32)
    low, high = tf.cast(low, images.dtype), tf.cast(high, images.dtype)
    return tf.where(draws < third, low, tf.where(draws >= _DRAWS - third, high, images))


def _sixteen_bit_draws(shape, seed) -> tf.Tensor:
    """Uniform int32 draws from [0, 65536). Philox by name: the one generator that is alike in and out of XLA."""
    size = tf.reduce_prod(shape)
    words = tf.random.stateless_uniform([(size + 1) // 2], seed, None, None, tf.uint32, alg="philox")
    halves = tf.reshape(tf.bitcast(words, tf.uint16), [-1])[:size]
    return tf.reshape(tf.cast(halves, tf.int32), shape)


@keras.saving.register_keras_serializable("tf_denoise")
class SaltAndPepper(NoiseLayer):
    """Adds salt-and-pepper noise while training, as `keras.layers.GaussianNoise` adds Gaussian noise.

    Args:
        level: Fraction in [0, 1], or a schedule: `ConstantLevel`, `MixedLevel`, `MultiLevel`.
        low: Value of pepper. -1.0 for images in [-1, 1].
        high: Value of salt.
        seed: Integer seed of the layer's random state; drawn anew if `None`.

    Call arguments, input and output shape: Those of `NoiseLayer`.

    Raises:
        ValueError: If a level lies outside [0, 1].

    Example:
        >>> import keras
        >>> from tf_denoise.noise import MixedLevel
        >>> denoiser = keras.Sequential([SaltAndPepper(MixedLevel()), keras.layers.Dense(784, activation="tanh")])
    """

    ARGUMENTS = ("low", "high")

    def __init__(self, level=0.5, low: float = -1.0, high: float = 1.0, seed: int | None = None, **kwargs):
        super().__init__(seed, **kwargs)
        if not isinstance(level, Strengths):
            level = ConstantLevel(level)
        self.schedule, self.low, self.high = level, float(low), float(high)

    @property
    def groups(self) -> int:
        """How many groups of images there are that get a level each."""
        return self.schedule.groups

    def noisy(self, images, groups, seed) -> tf.Tensor:
        """The noisy images; the levels are drawn from the first pair after the seed."""
        return salt_and_pepper(images, self.schedule(groups, later(seed, 1)), seed, self.low, self.high)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "level": keras.saving.serialize_keras_object(self.schedule)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "SaltAndPepper":
        """The layer of a configuration."""
        return cls(**{**config, "level": keras.saving.deserialize_keras_object(config["level"])})
