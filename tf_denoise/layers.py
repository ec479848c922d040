"""Layers that let a network take images of any size."""

import keras
from keras import ops

from tf_denoise.checks import whole_number


@keras.saving.register_keras_serializable("tf_denoise")
class PadToMultiple(keras.layers.Layer):
    """Pads height and width up to the next multiple, at the bottom and at the right, with the values of the edge.

    Works for any size, also for one below the multiple, where a reflection would fail.

    Args:
        multiple: Positive integer; 1 changes nothing.

    Input shape:
        `(batch, height, width, channels)`; each size may be unknown but that of the channels.

    Output shape:
        `(batch, height', width', channels)`, height' and width' the next multiples.

    Raises:
        ValueError: If `multiple` is not a positive integer.

    Example:
        >>> import numpy as np
        >>> PadToMultiple(8)(np.zeros((1, 5, 16, 3), "float32")).shape
        TensorShape([1, 8, 16, 3])
    """

    def __init__(self, multiple: int, **kwargs):
        super().__init__(**kwargs)
        checked = whole_number(multiple)
        if checked is None:
            raise ValueError(f"PadToMultiple takes a positive integer multiple; received {multiple!r}.")
        self.multiple = checked
        self.built = True

    def call(self, images):
        """The padded images."""
        for axis in (1, 2):
            # Not `-size % multiple`: ONNX runtimes give that another sign.
            missing = (self.multiple - _size(images, axis) % self.multiple) % self.multiple
            if not (isinstance(missing, int) and missing == 0):
                edge = images[:, -1:] if axis == 1 else images[:, :, -1:]
                # Not `ops.repeat`: ONNX Runtime fails where nothing is missing.
                rows = ops.ones((1, missing, 1, 1) if axis == 1 else (1, 1, missing, 1), images.dtype)
                images = ops.concatenate([images, edge * rows], axis)
        return images

    def compute_output_shape(self, input_shape):
        """The next multiples of height and width."""
        batch, height, width, channels = input_shape
        up = (None if size is None else -(-size // self.multiple) * self.multiple for size in (height, width))
        return (batch, *up, channels)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {**super().get_config(), "multiple": self.multiple}


@keras.saving.register_keras_serializable("tf_denoise")
class CropLike(keras.layers.Layer):
    """Crops images to the height and width of others, keeping the upper left: undoes `PadToMultiple`.

    Call arguments:
        images: Tensor `(batch, height, width, channels)`.
        like: Tensor `(batch, height', width', any)`, not larger.

    Output shape:
        `(batch, height', width', channels)`

    Example:
        >>> import numpy as np
        >>> small, large = np.zeros((1, 5, 7, 3), "float32"), np.zeros((1, 8, 8, 2), "float32")
        >>> CropLike()(large, small).shape
        TensorShape([1, 5, 7, 2])
    """

    def call(self, images, like):
        """The cropped images."""
        return images[:, : _size(like, 1), : _size(like, 2)]

    def compute_output_shape(self, images_shape, like_shape):
        """Height and width of the second, the rest of the first."""
        return (images_shape[0], like_shape[1], like_shape[2], images_shape[3])


@keras.saving.register_keras_serializable("tf_denoise")
class Resize(keras.layers.Layer):
    """Resizes images to a fixed height and width, bilinear, with half-pixel centres and without antialiasing.

    Computed as two matrix products: for some pairs of sizes XLA compiles `tf.image.resize` to wrong values (TensorFlow
    2.21: 12 x 8 to 16 x 24).

    Args:
        height: Positive integer.
        width: Positive integer.

    Input shape:
        `(batch, any, any, channels)`

    Output shape:
        `(batch, height, width, channels)`

    Raises:
        ValueError: If a size is not a positive integer.

    Example:
        >>> import numpy as np
        >>> Resize(1, 4)(np.array([[[[0.0], [1.0]]]]))[0, 0, :, 0].numpy().tolist()
        [0.0, 0.25, 0.75, 1.0]
    """

    def __init__(self, height: int, width: int, **kwargs):
        super().__init__(**kwargs)
        self.height, self.width = _checked_sizes("Resize", height, width)

    def call(self, images):
        """The resized images."""
        return ops.cast(_bilinear(images, self.height, self.width), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        """The height and width of the arguments."""
        return (input_shape[0], self.height, self.width, input_shape[3])

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {**super().get_config(), "height": self.height, "width": self.width}


@keras.saving.register_keras_serializable("tf_denoise")
class ResizeLike(keras.layers.Layer):
    """Resizes images or feature maps to the height and width of others, as `Resize` does.

    Call arguments:
        images: Tensor `(batch, height, width, channels)`.
        like: Tensor `(batch, height', width', any)`.

    Output shape:
        `(batch, height', width', channels)`

    Example:
        >>> import numpy as np
        >>> ResizeLike()(np.zeros((1, 2, 2, 4), "float32"), np.zeros((1, 6, 5, 3), "float32")).shape
        TensorShape([1, 6, 5, 4])
    """

    def call(self, images, like):
        """The resized images."""
        return ops.cast(_bilinear(images, _size(like, 1), _size(like, 2)), self.compute_dtype)

    def compute_output_shape(self, images_shape, like_shape):
        """Height and width of the second, the rest of the first."""
        return (images_shape[0], like_shape[1], like_shape[2], images_shape[3])


@keras.saving.register_keras_serializable("tf_denoise")
class TokensToGrid(keras.layers.Layer):
    """Puts the patch tokens of a vision transformer back on their grid, without the class tokens before them.

    Args:
        height: Rows of the grid.
        width: Columns of the grid.

    Input shape:
        `(batch, tokens, features)`: any number of class or register tokens, then height * width patch tokens.

    Output shape:
        `(batch, height, width, features)`

    Raises:
        ValueError: If the grid has no positive size, or if there are fewer tokens than it has places.

    Example:
        >>> import numpy as np
        >>> TokensToGrid(14, 14)(np.zeros((2, 1 + 14 * 14, 8), "float32")).shape
        TensorShape([2, 14, 14, 8])
    """

    def __init__(self, height: int, width: int, **kwargs):
        super().__init__(**kwargs)
        self.height, self.width = _checked_sizes("TokensToGrid", height, width)

    def build(self, tokens_shape):
        """Check the number of tokens."""
        places = self.height * self.width
        if tokens_shape[1] is not None and tokens_shape[1] < places:
            raise ValueError(
                f"A grid of {self.height} x {self.width} takes {places} patch tokens, and class tokens before them; "
                f"received {tokens_shape[1]} tokens."
            )
        self.built = True

    def call(self, tokens):
        """The patch tokens on their grid."""
        patches = tokens[:, -self.height * self.width :]
        return ops.reshape(patches, [-1, self.height, self.width, tokens.shape[-1]])

    def compute_output_shape(self, tokens_shape):
        """The grid in place of the tokens."""
        return (tokens_shape[0], self.height, self.width, tokens_shape[-1])

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {**super().get_config(), "height": self.height, "width": self.width}


@keras.saving.register_keras_serializable("tf_denoise")
class SplitWindows(keras.layers.Layer):
    """Cuts images into windows beside each other, each an image of the batch.

    Args:
        height: Height of a window.
        width: Width of a window.

    Input shape:
        `(batch, height * rows, width * columns, channels)`

    Output shape:
        `(batch * rows * columns, height, width, channels)`

    Raises:
        ValueError: If a size is not a positive integer.

    Example:
        >>> import numpy as np
        >>> SplitWindows(2, 3)(np.zeros((5, 8, 9, 1), "float32")).shape
        TensorShape([60, 2, 3, 1])
    """

    def __init__(self, height: int, width: int, **kwargs):
        super().__init__(**kwargs)
        self.height, self.width = _checked_sizes("SplitWindows", height, width)
        self.built = True

    def call(self, images):
        """The windows, row by row."""
        rows, columns = _size(images, 1) // self.height, _size(images, 2) // self.width
        cut = ops.reshape(images, [-1, rows, self.height, columns, self.width, images.shape[-1]])
        return ops.reshape(ops.transpose(cut, [0, 1, 3, 2, 4, 5]), [-1, self.height, self.width, images.shape[-1]])

    def compute_output_shape(self, input_shape):
        """The size of a window."""
        batch, height, width, channels = input_shape
        known = None not in (batch, height, width)
        count = batch * (height // self.height) * (width // self.width) if known else None
        return (count, self.height, self.width, channels)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {**super().get_config(), "height": self.height, "width": self.width}


@keras.saving.register_keras_serializable("tf_denoise")
class JoinWindows(keras.layers.Layer):
    """Puts maps of windows back where `SplitWindows` took them.

    Args:
        height: Height that a window had in the image.
        width: Width that a window had in the image.

    Call arguments:
        maps: Tensor `(batch * rows * columns, r, c, features)`, a map of each window.
        like: The images that the windows are of, `(batch, height * rows, width * columns, any)`.

    Output shape:
        `(batch, r * rows, c * columns, features)`

    Raises:
        ValueError: If a size is not a positive integer.

    Example:
        >>> import numpy as np
        >>> images = np.arange(32, dtype="float32").reshape(1, 4, 8, 1)
        >>> bool((JoinWindows(2, 4)(SplitWindows(2, 4)(images), images) == images).numpy().all())
        True
    """

    def __init__(self, height: int, width: int, **kwargs):
        super().__init__(**kwargs)
        self.height, self.width = _checked_sizes("JoinWindows", height, width)
        self.built = True

    def call(self, maps, like):
        """The maps beside each other."""
        rows, columns = _size(like, 1) // self.height, _size(like, 2) // self.width
        _, height, width, features = maps.shape
        cut = ops.reshape(maps, [-1, rows, columns, height, width, features])
        return ops.reshape(ops.transpose(cut, [0, 1, 3, 2, 4, 5]), [-1, rows * height, columns * width, features])

    def compute_output_shape(self, maps_shape, like_shape):
        """The maps' size, as often as a window stands in the image."""
        _, height, width, features = maps_shape
        up = (
            None if size is None else size // window * side
            for size, window, side in ((like_shape[1], self.height, height), (like_shape[2], self.width, width))
        )
        return (like_shape[0], *up, features)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {**super().get_config(), "height": self.height, "width": self.width}


def _size(images, axis: int):
    """The size of an axis: an integer where it is known, a scalar tensor otherwise."""
    return ops.shape(images)[axis]


def _checked_sizes(name: str, height: int, width: int) -> tuple[int, int]:
    rows, columns = whole_number(height), whole_number(width)
    if rows is None or columns is None:
        raise ValueError(f"{name} takes a positive integer height and width; received {height} and {width}.")
    return rows, columns


def _bilinear(images, height, width):
    """The resized images in float32."""
    images = ops.einsum("yh,bhwc->bywc", _weights(_size(images, 1), height), ops.cast(images, "float32"))
    return ops.einsum("xw,bywc->byxc", _weights(_size(images, 2), width), images)


def _weights(size, new_size):
    """What each old place counts at each new one, `(new_size, size)`: 1 at its centre, 0 at its neighbours'."""
    old, new = (ops.cast(ops.arange(count, dtype="int32"), "float32") for count in (size, new_size))
    centres = (new + 0.5) * (ops.cast(size, "float32") / ops.cast(new_size, "float32")) - 0.5
    centres = ops.clip(centres, 0.0, ops.cast(size - 1, "float32"))
    return ops.relu(1 - ops.abs(centres[:, None] - old))


@keras.saving.register_keras_serializable("tf_denoise")
class ClipForUse(keras.layers.Layer):
    """Clips values to a range, except in training, where a value beyond it would learn nothing.

    Args:
        low: Least value.
        high: Largest value.

    Input shape:
        Any.

    Output shape:
        That of the input.

    Raises:
        ValueError: If `low` is not below `high`.

    Example:
        >>> import numpy as np
        >>> clip = ClipForUse(-1, 1)
        >>> clip(np.array([-3.0, 0.5])).numpy().tolist(), clip(np.array([-3.0, 0.5]), training=True).numpy().tolist()
        ([-1.0, 0.5], [-3.0, 0.5])
    """

    def __init__(self, low: float = -1.0, high: float = 1.0, **kwargs):
        super().__init__(**kwargs)
        if not low < high:
            raise ValueError(f"ClipForUse takes a low end below the high one; received {low} and {high}.")
        self.low, self.high = float(low), float(high)
        self.built = True

    def call(self, values, training=None):
        """The values, clipped unless they are trained on."""
        return values if training else ops.clip(values, self.low, self.high)

    def compute_output_shape(self, input_shape):
        """That of the input."""
        return input_shape

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {**super().get_config(), "low": self.low, "high": self.high}
