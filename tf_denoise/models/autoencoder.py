"""The dense autoencoder of the iterative experiment."""

import keras

from tf_denoise.models.base import Network, dense_sizes, dtype_policy


@keras.saving.register_keras_serializable("tf_denoise")
class DenseAutoencoder(Network):
    """A fully connected autoencoder for flattened images in [-1, 1]: elu inside, tanh at the end.

    Args:
        size: Number of pixels of an image.
        hidden_units: Width of each hidden layer, from the input to the output.
        dtype: Data type or policy of the layers, such as `"mixed_bfloat16"`; defaults to the global policy.

    Input shape:
        `(batch, size)`

    Output shape:
        `(batch, size)`, float32 in [-1, 1].

    Raises:
        ValueError: If `size` or a width is not a positive integer.

    Reference:
        - [Vincent et al., Extracting and Composing Robust Features with Denoising Autoencoders, 2008](
          https://doi.org/10.1145/1390156.1390294)

    Example:
        >>> DenseAutoencoder(784).count_params()
        1067024
    """

    ARGUMENTS = ("size", "hidden_units")

    def __init__(self, size: int = 784, hidden_units=(512, 256, 512), dtype=None, **kwargs):
        size, hidden_units = dense_sizes("DenseAutoencoder", size, hidden_units)
        policy = dtype_policy(dtype)
        inputs = x = keras.Input((size,), name="noisy")
        for index, units in enumerate(hidden_units, 1):
            x = keras.layers.Dense(units, activation="elu", dtype=policy, name=f"hidden{index}")(x)
        # The last activation in float32: under mixed precision the image keeps its full resolution.
        x = keras.layers.Dense(size, dtype=policy, name="image")(x)
        outputs = keras.layers.Activation("tanh", dtype="float32", name="denoised")(x)
        super().__init__(inputs, outputs, policy, **kwargs)
        self.size, self.hidden_units = size, hidden_units
