"""Which parts of this package need the TensorFlow backend of Keras."""

import keras

from tf_denoise.errors import InputError


def runs_on_tensorflow() -> bool:
    """Whether Keras computes with TensorFlow."""
    return keras.config.backend() == "tensorflow"


def needs_tensorflow(name: str) -> None:
    """Refuse another backend than TensorFlow.

    Raises:
        InputError: If Keras runs on one.
    """
    if not runs_on_tensorflow():
        raise InputError(
            f"{name} needs the TensorFlow backend of Keras, and Keras runs on {keras.config.backend()}; set "
            "KERAS_BACKEND=tensorflow before Keras is imported."
        )
