"""The dense autoencoder of the iterative experiment."""

import keras


@keras.saving.register_keras_serializable("tf_denoise")
class DenseAutoencoder(keras.Model):
    """A fully connected autoencoder for flattened images in [-1, 1]: elu inside, tanh at the end.

    Args:
        size: Number of pixels of an image.
        hidden_units: Width of each hidden layer, from the input to the output.
        dtype: Data type or policy of the layers, such as `"mixed_bfloat16"`; the global policy unless told.

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

    def __init__(self, size: int = 784, hidden_units=(512, 256, 512), dtype=None, **kwargs):
        hidden_units = tuple(hidden_units)
        if not hidden_units or not all(isinstance(u, int) and u > 0 for u in (size, *hidden_units)):
            raise ValueError(
                "DenseAutoencoder takes a positive integer size and one or more positive integer hidden_units; "
                f"received size={size}, hidden_units={hidden_units}."
            )
        policy = keras.dtype_policies.get(dtype or keras.config.dtype_policy())
        inputs = x = keras.Input((size,), name="noisy")
        for index, units in enumerate(hidden_units, 1):
            x = keras.layers.Dense(units, activation="elu", dtype=policy, name=f"hidden{index}")(x)
        # The last activation in float32: under mixed precision the image keeps its full resolution.
        x = keras.layers.Dense(size, dtype=policy, name="image")(x)
        outputs = keras.layers.Activation("tanh", dtype="float32", name="denoised")(x)
        super().__init__(inputs, outputs, **kwargs)
        self.dtype_policy = policy  # a Functional model ignores the argument
        self.size, self.hidden_units = size, hidden_units

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {
            "size": self.size,
            "hidden_units": list(self.hidden_units),
            "dtype": keras.dtype_policies.serialize(self.dtype_policy),
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """The model of a configuration."""
        return cls(**config)
