"""What strength an image gets: a level of salt and pepper, the deviation or the gain of Gaussian and Poisson noise.

A strength is a number, the same for all images; a pair `(low, high)` between which each image's is drawn uniformly; or
a schedule, a class below.
"""

import math
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf

from tf_denoise.checks import finite_number
from tf_denoise.errors import InputError

PERCENT_LEVELS = tuple(round(0.1 * i, 1) for i in range(11))
"""The eleven levels 0, 10, ..., 100 %, as fractions."""


class Strengths:
    """A schedule: which strength each image of a batch gets.

    A class names its constructor's arguments in `ARGUMENTS` and keeps each as an attribute of that name.
    """

    ARGUMENTS: ClassVar[tuple[str, ...]] = ("levels",)

    @property
    def groups(self) -> int:
        """How many times the set of images stands."""
        return 1

    def __call__(self, groups, seed) -> tf.Tensor:
        """The strengths `(batch,)` of images whose groups are `groups` `(batch,)`."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        values = {name: getattr(self, name) for name in self.ARGUMENTS}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Strengths":
        """The schedule of a configuration."""
        return cls(**config)


@keras.saving.register_keras_serializable("tf_denoise")
class ConstantLevel(Strengths):
    """Every image gets the same level.

    Args:
        level: Fraction in [0, 1].
    """

    ARGUMENTS = ("level",)

    def __init__(self, level: float):
        checked = finite_number(level, most=1.0)
        if checked is None:
            raise _refusal("level", level, 1.0)
        self.level = checked

    def __call__(self, groups, seed) -> tf.Tensor:
        """The levels `(batch,)` of images whose groups are `groups` `(batch,)`."""
        return tf.fill(tf.shape(groups), self.level)


@keras.saving.register_keras_serializable("tf_denoise")
class MixedLevel(Strengths):
    """Every image gets its own level, drawn uniformly from `levels`.

    Args:
        levels: Fractions in [0, 1]; defaults to 0, 0.1, ..., 1.0.
    """

    def __init__(self, levels=PERCENT_LEVELS):
        self.levels = _checked_levels(levels)

    def __call__(self, groups, seed) -> tf.Tensor:
        """The levels `(batch,)` of images whose groups are `groups` `(batch,)`."""
        index = tf.random.stateless_uniform(tf.shape(groups), seed, 0, len(self.levels), tf.int32, alg="philox")
        return tf.gather(tf.constant(self.levels, tf.float32), index)


@keras.saving.register_keras_serializable("tf_denoise")
class MultiLevel(Strengths):
    """The set of images stands once per level: an image of group k gets `levels[k]`.

    Args:
        levels: Fractions in [0, 1]; defaults to 0, 0.1, ..., 1.0.
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


Strength = float | tuple[float, float] | Strengths
"""A checked strength: a number, a pair, or a schedule."""


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


def checked_strength(name: str, value: Any) -> Strength:
    """A strength as Python numbers, or the schedule that it is.

    Raises:
        ValueError: If it is negative or not finite, or neither a number, nor an ascending pair, nor a schedule.
    """
    if isinstance(value, Strengths):
        return value
    try:
        values = np.asarray(value, "float64")
    except (TypeError, ValueError):
        values = np.array(math.nan)
    ascending = values.shape == () or (values.shape == (2,) and values[0] <= values[1])
    if not (ascending and _within(values, math.inf)):
        raise ValueError(f"`{name}` is a number, 0 or more, or a pair (low, high) of such; received {value}.")
    return float(values) if values.shape == () else (float(values[0]), float(values[1]))


def groups_of(strength: Strength) -> int:
    """How many groups of images get a strength each."""
    return strength.groups if isinstance(strength, Strengths) else 1


def drawn(strength: Strength, groups, seed) -> float | tf.Tensor:
    """The strength of all images, or of each, `(batch,)`; `groups` `(batch,)` are the groups of the images."""
    if isinstance(strength, Strengths):
        return strength(groups, seed)
    if isinstance(strength, tuple):
        return tf.random.stateless_uniform(tf.shape(groups), seed, *strength, alg="philox")
    return strength


def per_image(name: str, value, images: tf.Tensor, most: float = math.inf) -> tf.Tensor:
    """A strength as a tensor that broadcasts against the images, checked as far as its value and shape are known.

    Args:
        name: What the error message calls it.
        value: A scalar or one value per image, `(batch,)`, from 0 to `most`.
        images: Float tensor `(batch, ...)`.
        most: The largest value; 1 for levels.

    Raises:
        ValueError: If a value lies outside, or if there is not one per image.
    """
    is_known = not tf.is_tensor(value) or isinstance(value, tf.__internal__.EagerTensor)
    if is_known and not _within(np.asarray(value, "float64"), most):
        raise _refusal(name, value, most)
    value = tf.convert_to_tensor(value)
    value = value if value.dtype.is_floating else tf.cast(value, tf.float32)
    if value.shape.rank not in (0, 1) or (
        value.shape.rank == 1 and not value.shape.is_compatible_with(images.shape[:1])
    ):
        raise ValueError(
            f"`{name}` is a scalar or one value per image: expected shape () or ({images.shape[0]},), received "
            f"{tuple(value.shape)}."
        )
    if value.shape.rank == 1:
        value = tf.reshape(value, tf.concat([[-1], tf.ones(tf.rank(images) - 1, tf.int32)], 0))
    return value


def _within(values: np.ndarray, most: float) -> bool:
    return bool(np.all((values >= 0) & (values <= most) & np.isfinite(values)))


def _refusal(name: str, value, most: float) -> ValueError:
    if most == 1:
        return ValueError(
            f"A noise {name} is a fraction in [0, 1]; received {value}. Levels in percent are divided by 100 first."
        )
    return ValueError(f"`{name}` is a finite number, 0 or more; received {value}.")


def _checked_levels(levels) -> tuple[float, ...]:
    checked = tuple(finite_number(level, most=1.0) for level in levels)
    if not checked or None in checked:
        raise ValueError(f"Noise levels are one or more fractions in [0, 1]; received {levels}.")
    return tuple(level for level in checked if level is not None)
