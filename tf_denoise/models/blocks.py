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

    Args:
        dtype: Data type policy of the layers.
    """

    predicts_correction = True
    """What the net computes is added to the noisy image."""

    def __init__(self, dtype):
        self.options = {"use_bias": False, "kernel_initializer": "he_normal", "dtype": dtype}

    def first(self, x, width: int):
        """From the channels of the image to `width`."""
        return layers.Conv2D(width, 3, padding="same", name="stem", **self.options)(x)

    def stage(self, x, width: int, blocks: int, name: str):
        """`blocks` times two 3x3 convolutions with a ReLU between, added to what goes in."""
        if x.shape[-1] != width:
            x = layers.Conv2D(width, 1, name=f"{name}_projection", **self.options)(x)
        for index in range(1, blocks + 1):
            block = f"{name}_block{index}"
            y = layers.Conv2D(width, 3, padding="same", activation="relu", name=f"{block}_conv1", **self.options)(x)
            y = layers.Conv2D(width, 3, padding="same", name=f"{block}_conv2", **self.options)(y)
            x = layers.Add(dtype=self.options["dtype"], name=name if index == blocks else block)([x, y])
        return x

    def down(self, x, width: int, name: str):
        """Half the height and width, `width` channels."""
        return layers.Conv2D(width, 2, strides=2, name=name, **self.options)(x)

    def up(self, x, width: int, name: str):
        """Twice the height and width, `width` channels."""
        return layers.Conv2DTranspose(width, 2, strides=2, name=name, **self.options)(x)

    def last(self, x, channels: int):
        """To the channels of the image."""
        return layers.Conv2D(channels, 3, padding="same", name="head", **self.options)(x)


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


KINDS = {"residual": Residual, "plain": Plain}
