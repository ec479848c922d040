"""The magnitudes of an image's frequencies, and a loss on them."""

import keras
import tensorflow as tf

from tf_denoise.losses.base import ImageLoss
from tf_denoise.losses.checks import as_image_pair, checked_number, weight_arguments


def high_frequency_mask(height, width, high_freq_weight: float = 2.0, dtype="float32") -> tf.Tensor:
    """Weights that grow linearly from 1 at the zero frequency to `1 + high_freq_weight` at the highest.

    Formula:
        ```
        mask[i, j] = 1 + high_freq_weight * hypot(i - height // 2, j - width // 2) / hypot(height // 2, width // 2)
        ```

    Args:
        height: Number of rows of the spectrum, an integer or a scalar tensor.
        width: Number of columns.
        high_freq_weight: Weight added to the highest frequency, at least 0.
        dtype: Data type of the result.

    Returns:
        Tensor `(height, width)` in the order of `tf.signal.fftshift`, the zero frequency at
        `[height // 2, width // 2]`.

    Raises:
        ValueError: If `high_freq_weight` is negative or not finite.

    Example:
        >>> print(high_frequency_mask(4, 4, high_freq_weight=2.0).numpy().round(3))
        [[3.    2.581 2.414 2.581]
         [2.581 2.    1.707 2.   ]
         [2.414 1.707 1.    1.707]
         [2.581 2.    1.707 2.   ]]
    """
    high_freq_weight = checked_number(high_freq_weight, "high_freq_weight")
    rows = tf.cast(tf.range(height) - height // 2, dtype)[:, None]
    columns = tf.cast(tf.range(width) - width // 2, dtype)[None, :]
    squares = rows**2 + columns**2
    # The corner [0, 0] is the farthest; a single pixel has only the zero frequency.
    return 1.0 + high_freq_weight * tf.sqrt(tf.math.divide_no_nan(squares, squares[0, 0]))


@tf.custom_gradient
def half_spectrum(planes: tf.Tensor):
    """`tf.signal.rfft2d` of `(..., height, width)` with a gradient that is one inverse transform.

    TensorFlow's own gradient adds matrix products for the columns that are their own mirror images, and takes longer.
    """
    height, width = tf.unstack(tf.shape(planes)[-2:])

    def gradient(upstream):
        # The inverse puts each column in for its mirror image too, and divides by the number of pixels.
        factor = tf.cast(height * width, planes.dtype) / _columns_stood_for(width, planes.dtype)
        return tf.signal.irfft2d(upstream * tf.cast(factor, upstream.dtype), [height, width])

    return tf.signal.rfft2d(planes), gradient


def _columns_stood_for(width, dtype) -> tf.Tensor:
    """How many columns of the spectrum each of the `width // 2 + 1` stands for: itself and its mirror image, if any."""
    columns = tf.range(width // 2 + 1)
    return tf.cast(tf.where((columns == 0) | (2 * columns == width), 1, 2), dtype)


def magnitude_distance(y_true: tf.Tensor, y_pred: tf.Tensor, high_freq_weight: float) -> tf.Tensor:
    """Weighted mean absolute difference of the 2-D FFT magnitudes over the last two axes.

    The spectrum of a real image is symmetric, so half of it is computed and the columns that stand for two count twice.

    Args:
        y_true: Real tensor `(..., height, width)`.
        y_pred: Tensor of the same shape and dtype.
        high_freq_weight: As `high_frequency_mask` takes it.

    Returns:
        Tensor `(...)`.
    """
    height, width = tf.unstack(tf.shape(y_pred)[-2:])
    mask = high_frequency_mask(height, width, high_freq_weight, y_pred.dtype)
    weight = tf.signal.ifftshift(mask)[:, : width // 2 + 1] * _columns_stood_for(width, y_pred.dtype)
    weight /= tf.cast(height * width, y_pred.dtype)
    return _distance_of_spectra(half_spectrum(y_true), half_spectrum(y_pred), weight)


@tf.custom_gradient
def _distance_of_spectra(true: tf.Tensor, pred: tf.Tensor, weight: tf.Tensor):
    """Sum of `weight * |abs(true) - abs(pred)|` over the last two axes; compiled, it goes over the spectra once.

    Where a magnitude is zero its gradient is taken to be zero. `weight` gets no gradient.
    """

    def gradient(upstream):
        upstream = upstream[..., None, None] * weight
        return _gradient_of_spectrum(true, pred, upstream), _gradient_of_spectrum(pred, true, upstream), None

    return _sum_of_differences(true, pred, weight), gradient


@tf.function(jit_compile=True)
def _sum_of_differences(true, pred, weight):
    return tf.reduce_sum(weight * tf.abs(_magnitude(true) - _magnitude(pred)), axis=[-2, -1])


@tf.function(jit_compile=True)
def _gradient_of_spectrum(spectrum, other, upstream):
    """Gradient of `upstream * |abs(spectrum) - abs(other)|` with respect to `spectrum`."""
    magnitude = _magnitude(spectrum)
    factor = tf.math.divide_no_nan(upstream * tf.sign(magnitude - _magnitude(other)), magnitude)
    return tf.complex(factor * tf.math.real(spectrum), factor * tf.math.imag(spectrum))


def _magnitude(spectrum):
    return tf.sqrt(tf.math.real(spectrum) ** 2 + tf.math.imag(spectrum) ** 2)


def frequency_sharpness(y_true, y_pred, high_freq_weight: float = 2.0, scale: float = 1e-3) -> tf.Tensor:
    """Weighted mean absolute difference between the FFT magnitudes of output and target.

    Formula:
        ```
        loss = scale * mean(mask * abs(abs(fft2d(y_true)) - abs(fft2d(y_pred))))
        ```
        over frequencies and channels, `mask` being `high_frequency_mask`.

    Args:
        y_true: Images `(batch, height, width, channels)`.
        y_pred: Images of the same shape.
        high_freq_weight: Weight added to the highest frequency; 0 weighs all alike.
        scale: Factor of the result. Magnitudes grow with the number of pixels: 1e-3 suits sides of about 200.

    Returns:
        Float32 tensor `(batch,)`.

    Raises:
        ValueError: If the arguments are not two batches of images of one shape, or a number is negative.

    Example:
        >>> import numpy as np
        >>> black, white = np.zeros((1, 16, 16, 3)), np.ones((1, 16, 16, 3))
        >>> [round(float(v), 4) for v in frequency_sharpness(white, black)]
        [0.001]
    """
    scale = checked_number(scale, "scale")
    checked_number(high_freq_weight, "high_freq_weight")
    true, pred = (tf.transpose(images, [0, 3, 1, 2]) for images in as_image_pair(y_true, y_pred))
    return scale * tf.reduce_mean(magnitude_distance(true, pred, high_freq_weight), axis=-1)


@keras.saving.register_keras_serializable("tf_denoise")
class FrequencySharpnessLoss(ImageLoss):
    """Compares how strongly output and target hold each frequency: `frequency_sharpness` as a Keras loss.

    It is an auxiliary loss: magnitudes say nothing of place, so add it to a pixel loss (`WeightedSumLoss`).

    Formula:
        ```
        loss = scale * mean(mask * abs(abs(fft2d(y_true)) - abs(fft2d(y_pred))))
        ```

    Args:
        high_freq_weight: Weight added to the highest frequency; 0 weighs all alike.
        scale: Factor of the loss, at least 0.
        reduction, name, dtype: As those of `ImageLoss`.

    Call arguments:
        y_true: Images `(batch, height, width, channels)`.
        y_pred: Images of the same shape.

    Raises:
        ValueError: If an argument is negative or not finite, or the images do not fit; see `frequency_sharpness`.

    Reference:
        - The loss and its constants come from a blog post on sharpening a denoising U-Net (mmalek06.github.io).

    Example:
        >>> import keras
        >>> from tf_denoise.losses import WeightedSumLoss
        >>> model = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(3, 3, padding="same")])
        >>> model.compile(loss=WeightedSumLoss([(0.8, "mse"), (0.2, FrequencySharpnessLoss())]))
    """

    ARGUMENTS = ("high_freq_weight", "scale")
    value_per_image = staticmethod(frequency_sharpness)

    def __init__(
        self,
        high_freq_weight: float = 2.0,
        scale: float = 1e-3,
        reduction="sum_over_batch_size",
        name: str = "frequency_sharpness",
        dtype=None,
    ):
        super().__init__(weight_arguments(high_freq_weight, scale), reduction, name, dtype)
