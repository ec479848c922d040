"""The twelve test sets: the clean digits, ten levels of noise, and levels mixed."""

import tensorflow as tf

from evaluation.digits.names import TEST_SETS
from tf_denoise.noise import MixedLevel, SaltAndPepper, level_schedule
from tf_denoise.noise.salt_and_pepper import salt_and_pepper

__all__ = ["TEST_SETS", "noisy_test_set", "renoise_for"]


def noisy_test_set(clean: tf.Tensor, name: str, seed: int) -> tuple[tf.Tensor, tf.Tensor]:
    """A test set and the noise level of each of its images.

    Args:
        clean: float32 `(images, size)` in [-1, 1].
        name: One of `TEST_SETS`.
        seed: Integer seed; each set has its own noise.

    Returns:
        The noisy images, and levels `(images,)`.
    """
    key = tf.constant([seed, TEST_SETS.index(name)], tf.int64)
    if name == "mixed":
        levels = MixedLevel()(tf.range(len(clean)), key + 1000)
    else:
        levels = tf.fill([len(clean)], 0.0 if name == "original" else int(name[:-1]) / 100)
    return salt_and_pepper(clean, levels, key), levels


def renoise_for(token: str, images: tf.Tensor, levels: tf.Tensor, seed: tuple[int, int]) -> tf.Tensor:
    """Predictions renoised at evaluation as in training; `multi` uses the level of the noise on the input."""
    groups = tf.cast(tf.round(levels * 10), tf.int32)
    return SaltAndPepper(level_schedule(token)).corrupt(images, seed, groups)
