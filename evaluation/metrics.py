"""Image measures with one value per image; SSIM and PSNR are those of `tf_denoise.metrics`."""

import tensorflow as tf

from tf_denoise.metrics import PSNR, PSNR_LIMIT, SSIM, image_pair, mean_per_image, psnr, ssim

__all__ = [
    "PSNR",
    "PSNR_LIMIT",
    "SSIM",
    "binary_crossentropy",
    "mean_absolute_error",
    "mean_squared_error",
    "pixel_accuracy",
    "psnr",
    "round_values",
    "ssim",
]


def mean_squared_error(y_true, y_pred) -> tf.Tensor:
    """Mean squared difference over all axes but the first: float32 `(batch,)`."""
    y_true, y_pred = image_pair(y_true, y_pred)
    return mean_per_image(tf.math.squared_difference(y_true, y_pred))


def mean_absolute_error(y_true, y_pred) -> tf.Tensor:
    """Mean absolute difference over all axes but the first: float32 `(batch,)`."""
    y_true, y_pred = image_pair(y_true, y_pred)
    return mean_per_image(tf.abs(y_true - y_pred))


def binary_crossentropy(y_true, y_pred, epsilon: float = 1e-7) -> tf.Tensor:
    """Binary cross-entropy of images in [0, 1], target first, averaged over all axes but the first.

    Formula: `-(y log p + (1 - y) log(1 - p))` with the prediction p clipped to [epsilon, 1 - epsilon], as Keras does.

    Returns:
        float32 `(batch,)`, in nats.
    """
    y_true, y_pred = image_pair(y_true, y_pred)
    y_pred = tf.clip_by_value(y_pred, epsilon, 1 - epsilon)
    return -mean_per_image(y_true * tf.math.log(y_pred) + (1 - y_true) * tf.math.log(1 - y_pred))


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
    y_true, y_pred = image_pair(y_true, y_pred)
    equal = round_values(y_true, decimals) == round_values(y_pred, decimals)
    return mean_per_image(tf.cast(equal, tf.float32))
