"""Image measures: functions with one value per image, and SSIM and PSNR as Keras metrics."""

import keras
import tensorflow as tf

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
        ValueError: If an image is smaller than the window or the rank is not 4.

    Reference:
        - [Wang et al., Image Quality Assessment, 2004](https://doi.org/10.1109/TIP.2003.819861)
    """
    y_true, y_pred = _pair(y_true, y_pred)
    if y_true.shape.rank != 4 or any(side is not None and side < filter_size for side in y_true.shape[1:3]):
        raise ValueError(
            f"ssim takes images (batch, height, width, channels) of at least {filter_size} x {filter_size} pixels; "
            f"received shape {tuple(y_true.shape)}. For smaller images pass filter_size=7 or less; for flattened "
            "ones reshape them first (the metric SSIM has image_shape=...)."
        )
    return tf.image.ssim(y_true, y_pred, max_val=max_val, filter_size=filter_size)


def psnr(y_true, y_pred, *, max_val: float) -> tf.Tensor:
    """Peak signal-to-noise ratio of each pair of images in dB, by `tf.image.psnr`.

    Formula: `10 log10(max_val^2 / MSE)`, at most 100 dB (identical images would have an infinite ratio).

    Args:
        y_true: Images `(batch, height, width, channels)`.
        y_pred: Images of the same shape.
        max_val: Width of the value range: 1 for [0, 1], 2 for [-1, 1], 255 for 8 bit.

    Returns:
        float32 `(batch,)`.

    Example:
        >>> black, grey = tf.zeros((1, 2, 2, 1)), tf.fill((1, 2, 2, 1), 0.1)
        >>> psnr(black, grey, max_val=1.0).numpy().round(2).tolist()
        [20.0]
    """
    y_true, y_pred = _pair(y_true, y_pred)
    if y_true.shape.rank != 4:
        raise ValueError(
            f"psnr takes images (batch, height, width, channels); received shape {tuple(y_true.shape)}. "
            "Reshape flattened images first (the metric PSNR has image_shape=...)."
        )
    return tf.minimum(tf.image.psnr(y_true, y_pred, max_val=max_val), PSNR_LIMIT)


def mean_squared_error(y_true, y_pred) -> tf.Tensor:
    """Mean squared difference over all axes but the first: float32 `(batch,)`."""
    y_true, y_pred = _pair(y_true, y_pred)
    return _mean_per_image(tf.math.squared_difference(y_true, y_pred))


def mean_absolute_error(y_true, y_pred) -> tf.Tensor:
    """Mean absolute difference over all axes but the first: float32 `(batch,)`."""
    y_true, y_pred = _pair(y_true, y_pred)
    return _mean_per_image(tf.abs(y_true - y_pred))


def binary_crossentropy(y_true, y_pred, epsilon: float = 1e-7) -> tf.Tensor:
    """Binary cross-entropy of images in [0, 1], target first, averaged over all axes but the first.

    Formula: `-(y log p + (1 - y) log(1 - p))` with the prediction p clipped to [epsilon, 1 - epsilon], as Keras does.

    Returns:
        float32 `(batch,)`, in nats.
    """
    y_true, y_pred = _pair(y_true, y_pred)
    y_pred = tf.clip_by_value(y_pred, epsilon, 1 - epsilon)
    return -_mean_per_image(y_true * tf.math.log(y_pred) + (1 - y_true) * tf.math.log(1 - y_pred))


def round_values(images, decimals: int = 2) -> tf.Tensor:
    """Images rounded to that many decimals, halves to even: float32."""
    return tf.round(tf.cast(images, tf.float32) * 10.0**decimals) / 10.0**decimals


def pixel_accuracy(y_true, y_pred, decimals: int = 2) -> tf.Tensor:
    """Fraction of pixels that are exactly equal after rounding, over all axes but the first: float32 `(batch,)`.

    It means something on rounded values only: unrounded predictions are almost never exactly right.

    Example:
        >>> pixel_accuracy([[0.0, 0.5]], [[0.001, 0.6]]).numpy().tolist()
        [0.5]
    """
    y_true, y_pred = _pair(y_true, y_pred)
    equal = round_values(y_true, decimals) == round_values(y_pred, decimals)
    return _mean_per_image(tf.cast(equal, tf.float32))


def _pair(y_true, y_pred) -> tuple[tf.Tensor, tf.Tensor]:
    y_true, y_pred = (tf.cast(tf.convert_to_tensor(images), tf.float32) for images in (y_true, y_pred))
    if not y_true.shape.is_compatible_with(y_pred.shape):
        raise ValueError(
            f"Target and prediction have the same shape; received {tuple(y_true.shape)} and {tuple(y_pred.shape)}."
        )
    return y_true, y_pred


def _mean_per_image(values: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(values, axis=list(range(1, values.shape.rank)))


class _ImageMean(keras.metrics.Mean):
    """The mean over images of a measure with one value per image."""

    def __init__(self, max_val: float, image_shape=None, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.max_val = max_val
        self.image_shape = None if image_shape is None else tuple(image_shape)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Add a batch; `sample_weight` is one weight per image, `(batch,)`."""
        if self.image_shape is not None:
            y_true, y_pred = (tf.reshape(images, (-1, *self.image_shape)) for images in (y_true, y_pred))
        return super().update_state(self.measure(y_true, y_pred), sample_weight)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {**super().get_config(), "max_val": self.max_val, "image_shape": self.image_shape}


@keras.saving.register_keras_serializable("tf_denoise")
class SSIM(_ImageMean):
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

    def __init__(self, max_val: float, image_shape=None, filter_size: int = 11, name="ssim", dtype=None):
        super().__init__(max_val, image_shape, name, dtype)
        self.filter_size = filter_size

    def measure(self, y_true, y_pred):
        """One value per image."""
        return ssim(y_true, y_pred, max_val=self.max_val, filter_size=self.filter_size)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {**super().get_config(), "filter_size": self.filter_size}


@keras.saving.register_keras_serializable("tf_denoise")
class PSNR(_ImageMean):
    """Mean peak signal-to-noise ratio over images in dB, for `model.compile(metrics=...)`.

    Args:
        max_val: Width of the value range: 1 for [0, 1], 2 for [-1, 1].
        image_shape: `(height, width, channels)` of images that the model handles flattened.
        name: Name of the metric.
        dtype: Data type of the mean.

    Example:
        >>> metric = PSNR(max_val=2.0, image_shape=(28, 28, 1))
        >>> float(metric(tf.zeros((3, 784)), tf.zeros((3, 784))))
        100.0
    """

    def __init__(self, max_val: float, image_shape=None, name="psnr", dtype=None):
        super().__init__(max_val, image_shape, name, dtype)

    def measure(self, y_true, y_pred):
        """One value per image."""
        return psnr(y_true, y_pred, max_val=self.max_val)
