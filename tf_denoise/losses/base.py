"""What all losses have in common: a function with one value per image, and the arguments it takes."""

from collections.abc import Callable
from typing import Any, ClassVar

import keras
import tensorflow as tf

from tf_denoise.backend import needs_tensorflow


class ImageLoss(keras.losses.Loss):
    """A stateless function `(y_true, y_pred, **arguments) -> (batch,)` as a Keras loss.

    A class gives the function and names the arguments that it takes in `ARGUMENTS`; each is an attribute, and part of
    the configuration.

    Args:
        arguments: The checked arguments of the function by name.
        reduction: How Keras brings the values per image together.
        name: Name of the loss.
        dtype: Data type or policy of the loss; it computes in float32 under any but float64.

    Call arguments:
        y_true, y_pred: Images `(batch, height, width, channels)` of one shape, where a loss says nothing else.
    """

    ARGUMENTS: ClassVar[tuple[str, ...]] = ()
    value_per_image: ClassVar[Callable[..., tf.Tensor]]

    def __init__(self, arguments: dict[str, Any], reduction, name: str | None, dtype):
        needs_tensorflow(type(self).__name__)
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        for key in self.ARGUMENTS:
            setattr(self, key, arguments[key])

    def call(self, y_true, y_pred) -> tf.Tensor:
        """One value per image, `(batch,)`."""
        return self.value_per_image(y_true, y_pred, **{key: getattr(self, key) for key in self.ARGUMENTS})

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), **{key: getattr(self, key) for key in self.ARGUMENTS}}
