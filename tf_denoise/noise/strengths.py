"""Which level an image gets: one for all, one of its own, or that of its group."""

import keras
import tensorflow as tf

from tf_denoise.errors import InputError

PERCENT_LEVELS = tuple(round(0.1 * i, 1) for i in range(11))
"""The eleven levels 0, 10, ..., 100 %, as fractions."""


@keras.saving.register_keras_serializable("tf_denoise")
class ConstantLevel:
    """Every image gets the same level.

    Args:
        level: Fraction in [0, 1].
    """

    groups = 1

    def __init__(self, level: float):
        if not 0 <= level <= 1:
            raise ValueError(
                f"A noise level is a fraction in [0, 1]; received {level}. Percent are divided by 100 first."
            )
        self.level = float(level)

    def __call__(self, groups, seed) -> tf.Tensor:
        """The levels `(batch,)` of images whose groups are `groups` `(batch,)`."""
        return tf.fill(tf.shape(groups), self.level)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {"level": self.level}

    @classmethod
    def from_config(cls, config):
        """The schedule of a configuration."""
        return cls(**config)


@keras.saving.register_keras_serializable("tf_denoise")
class MixedLevel:
    """Every image gets its own level, drawn uniformly from `levels`.

    Args:
        levels: Fractions in [0, 1]; 0, 0.1, ..., 1.0 unless told.
    """

    groups = 1

    def __init__(self, levels=PERCENT_LEVELS):
        self.levels = _checked_levels(levels)

    def __call__(self, groups, seed) -> tf.Tensor:
        """The levels `(batch,)` of images whose groups are `groups` `(batch,)`."""
        index = tf.random.stateless_uniform(tf.shape(groups), seed, 0, len(self.levels), tf.int32, alg="philox")
        return tf.gather(tf.constant(self.levels, tf.float32), index)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {"levels": list(self.levels)}

    @classmethod
    def from_config(cls, config):
        """The schedule of a configuration."""
        return cls(**config)


@keras.saving.register_keras_serializable("tf_denoise")
class MultiLevel:
    """The set of images stands once per level: an image of group k gets `levels[k]`.

    Args:
        levels: Fractions in [0, 1]; 0, 0.1, ..., 1.0 unless told.
    """

    def __init__(self, levels=PERCENT_LEVELS):
        self.levels = _checked_levels(levels)

    @property
    def groups(self) -> int:
        """How many times the set of images stands."""
        return len(self.levels)

    def __call__(self, groups, seed) -> tf.Tensor:
        """The levels `(batch,)` of images whose groups are `groups` `(batch,)`."""
        return tf.gather(tf.constant(self.levels, tf.float32), groups)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {"levels": list(self.levels)}

    @classmethod
    def from_config(cls, config):
        """The schedule of a configuration."""
        return cls(**config)


def level_schedule(token: str) -> ConstantLevel | MixedLevel | MultiLevel:
    """The schedule that a command line calls `mixed`, `multi`, or by a level in percent from 0 to 100.

    Raises:
        InputError: If the token is none of these.

    Example:
        >>> level_schedule("25").level
        0.25
    """
    if token in ("mixed", "multi"):
        return MixedLevel() if token == "mixed" else MultiLevel()
    try:
        percent = int(token)
    except ValueError:
        percent = -1
    if not 0 <= percent <= 100:
        raise InputError(
            f"{token!r} is not a noise level; expected a whole number of percent from 0 to 100, mixed or multi."
        )
    return ConstantLevel(percent / 100)


def _checked_levels(levels) -> tuple[float, ...]:
    levels = tuple(float(level) for level in levels)
    if not levels or not all(0 <= level <= 1 for level in levels):
        raise ValueError(f"Noise levels are one or more fractions in [0, 1]; received {levels}.")
    return levels
