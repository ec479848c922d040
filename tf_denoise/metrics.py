"""SSIM and PSNR: functions with one value per image, and Keras metrics."""

import math
from collections.abc import Callable
from typing import Any, ClassVar

import keras
import tensorflow as tf

from tf_denoise.backend import needs_tensorflow
from tf_denoise.checks import whole_number, whole_numbers

PSNR_LIMIT = 100.0
"""PSNR of identical images in dB: the mean squared error is floored at 1e-10 of the squared value range."""


def ssim(y_true, y_pred, *, max_val: float, filter_size: int = 11) -> tf.Tensor:
    """Structural similarity of each pair of images, by `tf.image.ssim`.

    Formula:
    `(2 mu_x mu_y + c1) (2 s_xy + c2) / ((mu_x^2 + mu_y^2 + c1) (s_x^2 + s_y^2 + c2))` under a Gaussian window of
    deviation 1.5, averaged over all places where the window fits and over channels; c1 = (0.01 max_val)^2,
    c2 = (0.03 max_val)^2.

    Args:
        y_true: Images `(batch, height, width, channels)`.
        y_pred: Images of the same shape.
        max_val: Width of the value range: 1 for [0, 1], 2 for [-1, 1], 255 for 8 bit.
        filter_size: Side of the window; both sides of the images must be at least as long.

    Returns:
        float32 `(batch,)`, at most 1.

    Raises:
        ValueError: If `max_val` is not a positive finite number, an image is smaller than the window, or the rank is
            not 4.

    Reference:
        - [Wang et al., Image Quality Assessment, 2004](https://doi.org/10.1109/TIP.2003.819861)
    """
    max_val, filter_size = _checked_range(max_val), _checked_filter(filter_size)
    y_true, y_pred = image_pair(y_true, y_pred)
    if y_true.shape.rank != 4 or any(side is not None and side < filter_size for side in y_true.shape[1:3]):
        raise ValueError(
            f"ssim takes images (batch, height, width, channels) of at least {filter_size} x {filter_size} pixels; "
            f"received shape {tuple(y_true.shape)}. For smaller images pass filter_size=7 or less; for flattened "
            "ones reshape them first (the metric SSIM has image_shape=...)."
        )
    return tf.image.ssim(y_true, y_pred, max_val=max_val, filter_size=filter_size)


def psnr(y_true, y_pred, *, max_val: float) -> tf.Tensor:
    """Peak signal-to-noise ratio of each pair of images in dB.

    Formula: `10 log10(max_val^2 / MSE)`, at most 100 dB (identical images would have an infinite ratio).

    Args:
        y_true: Images `(batch, height, width, channels)`.
        y_pred: Images of the same shape.
        max_val: Width of the value range: 1 for [0, 1], 2 for [-1, 1], 255 for 8 bit.

    Returns:
        float32 `(batch,)`. Where the limit is reached the gradient is 0.

    Raises:
        ValueError: If `max_val` is not a positive finite number, or the images do not fit each other.

    Example:
        >>> black, grey = tf.zeros((1, 2, 2, 1)), tf.fill((1, 2, 2, 1), 0.1)
        >>> psnr(black, grey, max_val=1.0).numpy().round(2).tolist()
        [20.0]
    """
    max_val = _checked_range(max_val)
    y_true, y_pred = image_pair(y_true, y_pred)
    if y_true.shape.rank != 4:
        raise ValueError(
            f"psnr takes images (batch, height, width, channels); received shape {tuple(y_true.shape)}. "
            "Reshape flattened images first (the metric PSNR has image_shape=...)."
        )
    # Not `tf.image.psnr`: its gradient is NaN where the images are equal; here it is 0 beyond the limit.
    error = mean_per_image(tf.square((y_true - y_pred) / max_val))
    floor = 10.0 ** (-PSNR_LIMIT / 10.0)
    ratio = -10.0 / math.log(10.0) * tf.math.log(tf.maximum(error, floor))
    return tf.where(error <= floor, PSNR_LIMIT, ratio)


def image_pair(y_true, y_pred) -> tuple[tf.Tensor, tf.Tensor]:
    """Target and prediction in float32.

    Raises:
        ValueError: If their shapes differ.
    """
    y_true, y_pred = (tf.cast(tf.convert_to_tensor(images), tf.float32) for images in (y_true, y_pred))
    if not y_true.shape.is_compatible_with(y_pred.shape):
        raise ValueError(
            f"Target and prediction have the same shape; received {tuple(y_true.shape)} and {tuple(y_pred.shape)}."
        )
    return y_true, y_pred


def mean_per_image(values: tf.Tensor) -> tf.Tensor:
    """The mean over all axes but the first."""
    return tf.reduce_mean(values, axis=list(range(1, values.shape.rank)))


def _checked_range(max_val: Any) -> float:
    try:
        width = float(max_val)
    except (TypeError, ValueError):
        width = math.nan
    if not 0 < width < math.inf:
        raise ValueError(
            "`max_val` is the width of the value range, a positive finite number such as 1 for [0, 1] and 2 for "
            f"[-1, 1]; received {max_val!r}."
        )
    return width


def _checked_filter(filter_size: Any) -> int:
    side = whole_number(filter_size)
    if side is None:
        raise ValueError(f"`filter_size` is the side of the window, a positive integer; received {filter_size!r}.")
    return side


class ImageMean(keras.metrics.Mean):
    """The mean over images of a measure with one value per image.

    A class gives the measure and names the arguments that it takes in `ARGUMENTS`; each is an attribute.

    Args:
        max_val: Width of the value range.
        image_shape: `(height, width, channels)` of images that the model handles flattened.
        name: Name of the metric.
        dtype: Data type of the mean.
    """

    ARGUMENTS: ClassVar[tuple[str, ...]] = ("max_val",)
    measure: ClassVar[Callable[..., tf.Tensor]]

    def __init__(self, max_val: float, image_shape=None, name=None, dtype=None):
        needs_tensorflow(type(self).__name__)
        super().__init__(name=name, dtype=dtype)
        self.max_val = _checked_range(max_val)
        self.image_shape = None if image_shape is None else whole_numbers(image_shape)
        if image_shape is not None and (self.image_shape is None or len(self.image_shape) != 3):
            raise ValueError(
                "`image_shape` is (height, width, channels), three positive integers, or None; "
                f"received {image_shape!r}."
            )

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add a batch; `sample_weight` is one weight per image, `(batch,)`."""
        if self.image_shape is not None:
            y_true, y_pred = (tf.reshape(images, (-1, *self.image_shape)) for images in (y_true, y_pred))
        values = self.measure(y_true, y_pred, **{name: getattr(self, name) for name in self.ARGUMENTS})
        return super().update_state(values, sample_weight)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        own = {name: getattr(self, name) for name in (*self.ARGUMENTS, "image_shape")}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("tf_denoise")
class SSIM(ImageMean):
    """Mean structural similarity over images, for `model.compile(metrics=...)`.

    Args:
        max_val: Width of the value range: 1 for [0, 1], 2 for [-1, 1].
        image_shape: `(height, width, channels)` of images that the model handles flattened.
        filter_size: Side of the window.
        name: Name of the metric.
        dtype: Data type of the mean.

    Example:
        >>> metric = SSIM(max_val=2.0, image_shape=(28, 28, 1))
        >>> float(metric(tf.zeros((3, 784)), tf.zeros((3, 784))))
        1.0
    """

    ARGUMENTS = ("max_val", "filter_size")
    measure = staticmethod(ssim)

    def __init__(self, max_val: float, image_shape=None, filter_size: int = 11, name="ssim", dtype=None):
        super().__init__(max_val, image_shape, name, dtype)
        self.filter_size = _checked_filter(filter_size)


@keras.saving.register_keras_serializable("tf_denoise")
class PSNR(ImageMean):
    """Mean peak signal-to-noise ratio over images in dB, for `model.compile(metrics=...)`.

    Args:
        max_val: Width of the value range: 1 for [0, 1], 2 for [-1, 1].
        image_shape, name, dtype: As those of `SSIM`.

    Example:
        >>> metric = PSNR(max_val=2.0, image_shape=(28, 28, 1))
        >>> float(metric(tf.zeros((3, 784)), tf.zeros((3, 784))))
        100.0
    """

    measure = staticmethod(psnr)

    def __init__(self, max_val: float, image_shape=None, name="psnr", dtype=None):
        super().__init__(max_val, image_shape, name, dtype)
