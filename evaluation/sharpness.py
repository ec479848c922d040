"""How sharp an output is beside its target, and the two faults that a sharpness loss may bring.

Each function takes target and output `(batch, height, width, channels)` and gives one float32 value per image.
"""

import math

import numpy as np
import tensorflow as tf

from tf_denoise.losses.checks import as_image_pair

# Below this power of a single frequency (white noise of deviation 1e-5 of the range) nothing is told from rounding.
_LEAST_POWER = 1e-10


def gradient_magnitude_similarity_deviation(y_true, y_pred, *, max_val: float = 1.0) -> tf.Tensor:
    """GMSD: how unevenly the local edges of output and target agree. 0 is perfect, larger is worse.

    Colours are brought to luma (0.299, 0.587, 0.114; any other number of channels to their mean), images are averaged
    2 x 2, and gradients are taken with Prewitt filters, zeros beyond the edges.

    Formula:
        ```
        similarity = (2 * g(y_true) * g(y_pred) + c) / (g(y_true)**2 + g(y_pred)**2 + c), c = 170 / 255**2
        value = standard deviation of the similarity over the image
        ```

    Args:
        y_true: Target images `(batch, height, width, channels)`, at least 2 x 2.
        y_pred: Output images of the same shape.
        max_val: The range of the values, 2 for images in [-1, 1].

    Returns:
        Float32 tensor `(batch,)`.

    Raises:
        ValueError: If the arguments are not two batches of images of one shape, or the images are too small.

    Reference:
        - [Xue et al., Gradient Magnitude Similarity Deviation, 2014](https://doi.org/10.1109/TIP.2013.2293423)

    Example:
        >>> image = np.random.default_rng(0).random((1, 16, 16, 3))
        >>> gradient_magnitude_similarity_deviation(image, image).numpy() < 1e-6
        array([ True])
    """
    y_true, y_pred = _pair(y_true, y_pred, max_val, least=2)
    true, pred = _gradient_magnitude(y_true), _gradient_magnitude(y_pred)
    constant = 170.0 / 255.0**2
    similarity = (2.0 * true * pred + constant) / (true**2 + pred**2 + constant)
    return tf.math.reduce_std(similarity, axis=[1, 2, 3])


def high_frequency_energy_ratio(y_true, y_pred, *, cutoff: float = 0.25, max_val: float = 1.0) -> tf.Tensor:
    """Energy of the output's high frequencies over that of the target's: 1 as sharp, below 1 blurred, above 1 noisy.

    Formula:
        ```
        value = (e(y_pred) + 1e-10) / (e(y_true) + 1e-10)
        ```
        where `e` is the mean of `abs(fft2d(x))**2 / (height * width)` over channels and all frequencies of at least
        `cutoff`, each channel's mean taken off first.

    Args:
        y_true: Target images `(batch, height, width, channels)`.
        y_pred: Output images of the same shape.
        cutoff: Radius in cycles per pixel above which a frequency is high: in (0, 0.5], 0.5 being the finest stripes.
        max_val: The range of the values.

    Returns:
        Float32 tensor `(batch,)`.

    Raises:
        ValueError: If the images do not fit each other, are smaller than 2 x 2, or `cutoff` lies outside (0, 0.5].

    Example:
        >>> noise = np.random.default_rng(0).random((1, 16, 16, 1))
        >>> high_frequency_energy_ratio(noise, 0.5 * noise).numpy().round(4).tolist()
        [0.25]
    """
    if not 0 < cutoff <= 0.5:
        raise ValueError(f"`cutoff` is a frequency in (0, 0.5] cycles per pixel; received {cutoff!r}.")
    y_true, y_pred = _pair(y_true, y_pred, max_val, least=2)
    high = _frequencies(y_true.shape) >= cutoff
    true, pred = (tf.reduce_mean(tf.boolean_mask(_power(x), high, axis=1), axis=1) for x in (y_true, y_pred))
    return (pred + _LEAST_POWER) / (true + _LEAST_POWER)


def radial_spectrum_error(y_true, y_pred, *, max_val: float = 1.0) -> tf.Tensor:
    """Mean distance in decibels between the radial power spectra of output and target. 0 is perfect.

    Formula:
        ```
        value = mean over rings of abs(10 * log10((p(y_pred) + 1e-10) / (p(y_true) + 1e-10)))
        ```
        where `p` is the mean of `abs(fft2d(x))**2 / (height * width)` over channels and the frequencies of a ring.
        Ring k = 1, ..., n // 2 holds the frequencies whose radius is nearest to k / n cycles per pixel, n being the
        shorter side.

    Args:
        y_true: Target images `(batch, height, width, channels)`.
        y_pred: Output images of the same shape.
        max_val: The range of the values.

    Returns:
        Float32 tensor `(batch,)`.

    Raises:
        ValueError: If the images do not fit each other or are smaller than 2 x 2.

    Example:
        >>> noise = np.random.default_rng(0).random((1, 16, 16, 1))
        >>> radial_spectrum_error(noise, 0.1 * noise).numpy().round(3).tolist()
        [20.0]
    """
    y_true, y_pred = _pair(y_true, y_pred, max_val, least=2)
    shorter = min(y_true.shape[1:3])
    ring = np.floor(_frequencies(y_true.shape) * shorter + 0.5).astype(int)
    rings = shorter // 2 + 1
    ring = np.minimum(ring, rings).ravel()  # beyond the last ring: one bin that is dropped, as is the zero frequency
    true, pred = (
        tf.math.unsorted_segment_mean(tf.reshape(tf.transpose(_power(x), [1, 2, 0]), [ring.size, -1]), ring, rings + 1)
        for x in (y_true, y_pred)
    )
    true, pred = (tf.transpose(mean[1:rings]) + _LEAST_POWER for mean in (true, pred))
    return tf.reduce_mean(tf.abs(tf.math.log(pred / true)), axis=1) * (10.0 / math.log(10.0))


def checkerboard(y_true, y_pred, *, period: int = 32, max_val: float = 1.0) -> tf.Tensor:
    """How much stronger the residual is at a grid's frequencies than elsewhere: 1 none, above 1 a grid of that period.

    A loss on windows may print their grid into the output. A pattern of period p lives on the multiples of 1 / p
    cycles per pixel and nowhere else. Whatever does not fill whole periods is cut off at the right and lower edge.

    Formula:
        ```
        value = (mean power on the grid + 1e-10) / (mean power elsewhere + 1e-10)
        ```
        of `abs(fft2d(y_pred - y_true))**2 / (height * width)`, averaged over channels, the zero frequency left out.

    Args:
        y_true: Target images `(batch, height, width, channels)`.
        y_pred: Output images of the same shape.
        period: Size of the window; a grid at half of it, the default step, lies on the same frequencies.
        max_val: The range of the values.

    Returns:
        Float32 tensor `(batch,)`.

    Raises:
        ValueError: If the images do not fit each other, hold less than two periods, or `period` is below 2.

    Example:
        >>> clean = np.zeros((1, 64, 64, 1))
        >>> grid = clean + 0.1 * (np.arange(64) % 8 == 0)[:, None]
        >>> checkerboard(clean, grid, period=8).numpy() > 1e3
        array([ True])
    """
    if period < 2:
        raise ValueError(f"`period` is an integer of at least 2 pixels; received {period!r}.")
    y_true, y_pred = _pair(y_true, y_pred, max_val, least=2 * period)
    height, width = (side // period * period for side in y_true.shape[1:3])
    power = _power((y_pred - y_true)[:, :height, :width])
    rows, columns = np.ogrid[:height, :width]
    grid = (rows % (height // period) == 0) & (columns % (width // period) == 0)
    elsewhere = ~grid
    grid[0, 0] = False
    on, off = (tf.reduce_mean(tf.boolean_mask(power, mask, axis=1), axis=1) for mask in (grid, elsewhere))
    return (on + _LEAST_POWER) / (off + _LEAST_POWER)


def discoloration(y_true, y_pred, *, max_val: float = 1.0) -> tf.Tensor:
    """Mean shift of the channel means, as a fraction of the range. 0 is perfect.

    Formula:
        ```
        value = mean over channels of abs(mean(y_pred) - mean(y_true)) / max_val
        ```

    Args:
        y_true, y_pred: Target and output images `(batch, height, width, channels)`.
        max_val: The range of the values.

    Returns:
        Float32 tensor `(batch,)`.

    Raises:
        ValueError: If the arguments are not two batches of images of one shape.

    Example:
        >>> grey = np.full((1, 8, 8, 3), 0.5)
        >>> print(discoloration(grey, grey + [0.3, 0.0, 0.0]).numpy().round(3))
        [0.1]
    """
    y_true, y_pred = _pair(y_true, y_pred, max_val, least=1)
    return tf.reduce_mean(tf.abs(tf.reduce_mean(y_pred - y_true, axis=[1, 2])), axis=1)


def _pair(y_true, y_pred, max_val: float, least: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Both as float32 in units of the range, checked to be of known size and large enough."""
    if not 0 < max_val < math.inf:
        raise ValueError(f"`max_val` is the positive range of the values; received {max_val!r}.")
    y_true, y_pred = (tf.cast(images, tf.float32) / max_val for images in as_image_pair(y_true, y_pred))
    sides = y_pred.shape[1:3]
    if None in sides or min(sides) < least:
        raise ValueError(f"Expected images of known size, at least {least} x {least}; received {y_pred.shape}.")
    return y_true, y_pred


def _gradient_magnitude(images: tf.Tensor) -> tf.Tensor:
    weights = [0.299, 0.587, 0.114] if images.shape[-1] == 3 else [1.0 / images.shape[-1]] * images.shape[-1]
    luma = tf.reduce_sum(images * tf.constant(weights), axis=-1, keepdims=True)
    small = tf.nn.avg_pool2d(luma, 2, 2, "VALID")
    across = np.array([[1, 0, -1]] * 3, "float32") / 3.0
    filters = np.stack([across, across.T], axis=-1)[:, :, None]
    return tf.norm(tf.nn.conv2d(small, filters, 1, "SAME"), axis=-1, keepdims=True)


def _power(images: tf.Tensor) -> tf.Tensor:
    """Power `(batch, height, width)` of each frequency of images without their mean, averaged over channels."""
    images -= tf.reduce_mean(images, axis=[1, 2], keepdims=True)
    spectrum = tf.signal.fft2d(tf.cast(tf.transpose(images, [0, 3, 1, 2]), tf.complex64))
    return tf.reduce_mean(tf.abs(spectrum) ** 2, axis=1) / float(images.shape[1] * images.shape[2])


def _frequencies(shape) -> np.ndarray:
    """Radius `(height, width)` of each frequency of the FFT, in cycles per pixel."""
    return np.hypot(np.fft.fftfreq(shape[1])[:, None], np.fft.fftfreq(shape[2]))
