"""The digit classifier that judges whether a denoised digit can still be read."""

import keras

from tf_denoise.checks import finite_number, whole_number
from tf_denoise.models.base import Network, dense_sizes, dtype_policy


@keras.saving.register_keras_serializable("tf_denoise")
class DigitClassifier(Network):
    """A fully connected classifier for flattened images in [-1, 1]: relu inside, softmax at the end.

    Args:
        size: Number of pixels of an image.
        hidden_units: Width of each hidden layer.
        num_classes: Number of classes.
        dropout: Fraction of the hidden values dropped while training.
        dtype: Data type or policy of the layers; defaults to the global policy.

    Input shape:
        `(batch, size)`

    Output shape:
        `(batch, num_classes)`, float32 probabilities.

    Raises:
        ValueError: If a size or width is not a positive integer, or `dropout` not a fraction below 1.

    Example:
        >>> DigitClassifier(784, hidden_units=(512, 256)).output_shape
        (None, 10)
    """

    ARGUMENTS = ("size", "hidden_units", "num_classes", "dropout")

    def __init__(
        self,
        size: int = 784,
        hidden_units=(512, 256),
        num_classes: int = 10,
        dropout: float = 0.2,
        dtype=None,
        **kwargs,
    ):
        size, hidden_units = dense_sizes("DigitClassifier", size, hidden_units)
        classes, rate = whole_number(num_classes), finite_number(dropout)
        if classes is None or rate is None or rate >= 1:
            raise ValueError(
                "DigitClassifier takes a positive integer num_classes and a dropout from 0 to below 1; received "
                f"num_classes={num_classes}, dropout={dropout}."
            )
        policy = dtype_policy(dtype)
        inputs = x = keras.Input((size,), name="image")
        for index, units in enumerate(hidden_units, 1):
            x = keras.layers.Dense(units, activation="relu", dtype=policy, name=f"hidden{index}")(x)
            x = keras.layers.Dropout(rate, dtype=policy, name=f"dropout{index}")(x)
        x = keras.layers.Dense(classes, dtype=policy, name="logits")(x)
        outputs = keras.layers.Activation("softmax", dtype="float32", name="probabilities")(x)
        super().__init__(inputs, outputs, policy, **kwargs)
        self.size, self.hidden_units, self.num_classes, self.dropout = size, hidden_units, classes, rate
