"""The digit classifier that judges whether a denoised digit can still be read."""

import keras


@keras.saving.register_keras_serializable("tf_denoise")
class DigitClassifier(keras.Model):
    """A fully connected classifier for flattened images in [-1, 1]: relu inside, softmax at the end.

    Args:
        size: Number of pixels of an image.
        hidden_units: Width of each hidden layer.
        num_classes: Number of classes.
        dropout: Fraction of the hidden values dropped while training.
        dtype: Data type or policy of the layers; the global policy unless told.

    Input shape:
        `(batch, size)`

    Output shape:
        `(batch, num_classes)`, float32 probabilities.

    Example:
        >>> DigitClassifier(784, hidden_units=(512, 256)).output_shape
        (None, 10)
    """

    def __init__(
        self,
        size: int = 784,
        hidden_units=(512, 256),
        num_classes: int = 10,
        dropout: float = 0.2,
        dtype=None,
        **kwargs,
    ):
        hidden_units = tuple(hidden_units)
        policy = keras.dtype_policies.get(dtype or keras.config.dtype_policy())
        inputs = x = keras.Input((size,), name="image")
        for index, units in enumerate(hidden_units, 1):
            x = keras.layers.Dense(units, activation="relu", dtype=policy, name=f"hidden{index}")(x)
            x = keras.layers.Dropout(dropout, dtype=policy, name=f"dropout{index}")(x)
        x = keras.layers.Dense(num_classes, dtype=policy, name="logits")(x)
        outputs = keras.layers.Activation("softmax", dtype="float32", name="probabilities")(x)
        super().__init__(inputs, outputs, **kwargs)
        self.dtype_policy = policy  # a Functional model ignores the argument
        self.size, self.hidden_units, self.num_classes, self.dropout = size, hidden_units, num_classes, dropout

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {
            "size": self.size,
            "hidden_units": list(self.hidden_units),
            "num_classes": self.num_classes,
            "dropout": self.dropout,
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """The model of a configuration."""
        return cls(**config)
