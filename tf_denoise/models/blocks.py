"""The two kinds of parts that a U-Net is made of: residual ones without bias, and plain ones.

A kind says what a stage computes, how the map is halved and doubled between stages, and what comes first and last.
Its methods take and return symbolic tensors; the last layer of each carries the name that it is given.
"""

from keras import layers


class Residual:
    """Residual blocks, without a bias anywhere.

    A net of these is positively homogeneous, f(a x) = a f(x) for a > 0: what it learned at one noise level it does at
    others too (Mohan et al., 2020). The layout of the blocks, convolutions with stride and additive skips around them
    is that of DRUNet (Zhang et al., 2021).

    An untrained net gives back the noisy image: the last layer starts from zero, and so does the last of each block.
    Nothing normalises the maps, and with other starts they grow by a factor of 1.7 a block, which training undoes
    slowly or never.

    Args:
        dtype: Data type policy of the layers.
    """

    predicts_correction = True
    """What the net computes is added to the noisy image."""

    def __init__(self, dtype):
        self.dtype = dtype

    def _conv(self, width: int, size: int, start: str, **options):
        return layers.Conv2D(
            width, size, padding="same", use_bias=False, kernel_initializer=start, dtype=self.dtype, **options
        )

    def first(self, x, width: int):
        """From the channels of the image to `width`."""
        return self._conv(width, 3, "lecun_normal", name="stem")(x)

    def stage(self, x, width: int, blocks: int, name: str):
        """`blocks` times two 3x3 convolutions with a ReLU between, added to what goes in."""
        if x.shape[-1] != width:
            x = self._conv(width, 1, "lecun_normal", name=f"{name}_projection")(x)
        for index in range(1, blocks + 1):
            block = f"{name}_block{index}"
            y = self._conv(width, 3, "he_normal", activation="relu", name=f"{block}_conv1")(x)
            y = self._conv(width, 3, "zeros", name=f"{block}_conv2")(y)
            x = layers.Add(dtype=self.dtype, name=name if index == blocks else block)([x, y])
        return x

    def down(self, x, width: int, name: str):
        """Half the height and width, `width` channels."""
        return self._conv(width, 2, "lecun_normal", strides=2, name=name)(x)

    def up(self, x, width: int, name: str):
        """Twice the height and width, `width` channels."""
        # Keras takes four times the outputs for the inputs of a place; he_normal then keeps the variance best.
        return layers.Conv2DTranspose(
            width, 2, strides=2, use_bias=False, kernel_initializer="he_normal", dtype=self.dtype, name=name
        )(x)

    def last(self, x, channels: int):
        """To the channels of the image."""
        return self._conv(channels, 3, "zeros", name="head")(x)


class Plain:
    """Convolutions with bias and ReLU, max-pooling between the stages: the classical U-Net (Ronneberger et al., 2015).

    Args:
        dtype: Data type policy of the layers.
    """

    predicts_correction = False
    """What the net computes is the clean image."""

    def __init__(self, dtype):
        self.options = {"kernel_initializer": "he_normal", "dtype": dtype}

    def first(self, x, width: int):
        """Nothing: the first stage takes the image itself."""
        return x

    def stage(self, x, width: int, blocks: int, name: str):
        """`blocks` times two 3x3 convolutions, a ReLU after each."""
        for index in range(1, 2 * blocks + 1):
            conv = name if index == 2 * blocks else f"{name}_conv{index}"
            x = layers.Conv2D(width, 3, padding="same", activation="relu", name=conv, **self.options)(x)
        return x

    def down(self, x, width: int, name: str):
        """Half the height and width; the next stage sets the channels."""
        return layers.MaxPooling2D(2, dtype=self.options["dtype"], name=name)(x)

    def up(self, x, width: int, name: str):
        """Twice the height and width, `width` channels."""
        return layers.Conv2DTranspose(width, 2, strides=2, name=name, **self.options)(x)

    def last(self, x, channels: int):
        """To the channels of the image."""
        return layers.Conv2D(channels, 1, name="head", **self.options)(x)


KINDS: dict[str, type[Residual] | type[Plain]] = {"residual": Residual, "plain": Plain}
