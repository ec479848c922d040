"""A dense network that refines a prediction, and sees the noisy image beside it."""

import keras
from keras import ops

from tf_denoise.layers import ClipForUse
from tf_denoise.models.base import Network, dense_sizes, dtype_policy

REFINER_FORMS = ("both", "sos", "correction")


@keras.saving.register_keras_serializable("tf_denoise")
class RefiningAutoencoder(Network):
    """A second stage for flattened images in [-1, 1]: from a noisy image y and a prediction x for it to a better one.

    Formula:
        ```
        both:        g(y, x)
        sos:         2 * g((y + x) / 2) - x     (strengthen, operate, subtract)
        correction:  x + g(y, x)                (begins at x: the last layer is zero)
        ```
        g is elu inside and tanh at the end. In the forms `sos` and `correction` a result may lie beyond [-1, 1]; it is
        clipped, except in training.

    Args:
        size: Number of pixels of an image.
        hidden_units: Width of each hidden layer, from the input to the output.
        form: One of the three above.
        dtype: Data type or policy of the layers, such as `"mixed_bfloat16"`; defaults to the global policy.

    Input shape:
        `(batch, 2 * size)`: the pixels of the noisy image, then those of the prediction.

    Output shape:
        `(batch, size)`, float32 in [-1, 1].

    Raises:
        ValueError: If `size` or a width is not a positive integer, or there is no such form.

    Reference:
        - [Romano and Elad, Boosting of Image Denoising Algorithms, 2015](https://doi.org/10.1137/140990978), for `sos`

    Example:
        >>> import numpy as np
        >>> from tf_denoise.chain import beside
        >>> noisy, prediction = np.zeros((2, 5, 784), "float32")
        >>> refiner = RefiningAutoencoder(784, (64,))
        >>> refiner(beside(noisy, prediction)).shape
        TensorShape([5, 784])
    """

    ARGUMENTS = ("size", "hidden_units", "form")
    sees_both = True
    """It takes what `tf_denoise.chain.beside` gives."""

    def __init__(self, size: int = 784, hidden_units=(512, 256, 512), form: str = "both", dtype=None, **kwargs):
        size, hidden_units = dense_sizes("RefiningAutoencoder", size, hidden_units)
        if form not in REFINER_FORMS:
            raise ValueError(
                f"RefiningAutoencoder takes one of {', '.join(REFINER_FORMS)} as its form; received {form!r}."
            )
        policy = dtype_policy(dtype)
        inputs = keras.Input((2 * size,), name="noisy_and_prediction")
        noisy, prediction = inputs[:, :size], inputs[:, size:]
        x = ops.multiply(ops.add(noisy, prediction), 0.5) if form == "sos" else inputs
        for index, units in enumerate(hidden_units, 1):
            x = keras.layers.Dense(units, activation="elu", dtype=policy, name=f"hidden{index}")(x)
        begins_at_zero = {"kernel_initializer": "zeros"} if form == "correction" else {}
        x = keras.layers.Dense(size, dtype=policy, name="image", **begins_at_zero)(x)
        outputs = keras.layers.Activation("tanh", dtype="float32", name="denoised")(x)
        if form == "sos":
            outputs = ops.subtract(ops.multiply(outputs, 2.0), prediction)
        elif form == "correction":
            outputs = ops.add(prediction, outputs)
        if form != "both":
            outputs = ClipForUse(-1.0, 1.0, dtype="float32", name="in_range")(outputs)
        super().__init__(inputs, outputs, policy, **kwargs)
        self.size, self.hidden_units, self.form = size, hidden_units, form
