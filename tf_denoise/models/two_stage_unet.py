"""Two U-Nets in a row: the second sees the noisy image and what the first made of it."""

import keras
from keras import layers

from tf_denoise.models.base import Network, dtype_policy
from tf_denoise.models.unet import UNet, UNetSpec, decoder, encoder, last, stem


@keras.saving.register_keras_serializable("tf_denoise")
class TwoStageUNet(Network):
    """Two U-Nets in a row, trained as one network.

    Formula:
        ```
        x = f(y)            f a UNet, y the noisy image
        x + g(y, x)         g a U-Net of the same stages that sees both
        ```

    The last layer of g starts at zero, so that the network begins as f. It has no bias and scales with the image,
    f(a y) = a f(y) for a > 0, as `UNet` does. It costs twice as much.

    Args:
        channels: Channels of the image, 1 for grey and 3 for colour.
        widths: Channels of each encoder stage, then of the bottleneck, in both.
        blocks: Number of residual blocks of a stage.
        dtype: Data type or policy of the layers; defaults to the global policy.

    Attributes:
        stride: How many pixels of the image lie beside each other in one place of the bottlenecks.

    Input shape:
        `(batch, height, width, channels)`, values in [0, 1], noise may lead outside.

    Output shape:
        The same, float32, not clipped.

    Raises:
        ValueError: If a number is not a positive integer.

    Example:
        >>> import numpy as np
        >>> model = TwoStageUNet(channels=1, widths=(8, 16))
        >>> model(np.zeros((2, 13, 7, 1), "float32")).shape
        TensorShape([2, 13, 7, 1])
    """

    ARGUMENTS = ("channels", "widths", "blocks")

    def __init__(self, channels: int = 3, widths=(64, 128, 256), blocks: int = 1, dtype=None, **kwargs):
        spec = UNetSpec.checked(channels, widths, "residual", blocks, "add", 2, dtype_policy(dtype))
        noisy = keras.Input((None, None, spec.channels), dtype="float32", name="noisy")
        first = UNet(spec.channels, spec.widths, blocks=spec.blocks, dtype=spec.dtype, name="first")(noisy)
        both = layers.Concatenate(dtype="float32", name="both")([noisy, first])
        denoised = layers.Add(dtype="float32", name="denoised")([first, _correction(spec)(both)])
        super().__init__(noisy, denoised, spec.dtype, **kwargs)
        self.channels, self.widths, self.blocks, self.stride = spec.channels, spec.widths, spec.blocks, spec.stride


def _correction(spec: UNetSpec) -> keras.Model:
    """A U-Net from the noisy image and the first result to what is added to that."""
    both = keras.Input((None, None, 2 * spec.channels), dtype="float32", name="both")
    _, x = stem(both, spec)
    x, maps = encoder(x, spec)
    return keras.Model(both, last(decoder(x, maps, spec), both, spec), name="second")
