"""The magnitudes of the frequencies of rolling windows: which frequencies, and roughly where."""

import keras
import numpy as np
import tensorflow as tf

from tf_denoise.losses.base import ImageLoss
from tf_denoise.losses.checks import (
    as_image_pair,
    checked_number,
    checked_window,
    weight_arguments,
    window_arguments,
    with_room_for_window,
)
from tf_denoise.losses.frequency_sharpness import magnitude_distance


def extract_windows(images: tf.Tensor, window_size: int, step_size: int) -> tf.Tensor:
    """Every whole window of every image, by `tf.image.extract_patches`.

    Its gradient adds the windows back where they were cut out. TensorFlow's own numbers the pixels in float32 and
    sums by these numbers, which is slower, and wrong above 2**24 pixels.

    Args:
        images: `(batch, height, width, channels)`.
        window_size: Side of a window in pixels.
        step_size: Distance between windows in pixels.

    Returns:
        `(batch, rows, columns, channels, window_size, window_size)`.
    """

    @tf.custom_gradient
    def extract(images):
        shape = tf.shape(images)
        patches = tf.image.extract_patches(
            images, [1, window_size, window_size, 1], [1, step_size, step_size, 1], [1, 1, 1, 1], "VALID"
        )

        def gradient(upstream):
            _, rows, columns, _ = tf.unstack(tf.shape(upstream))
            windows = tf.reshape(upstream, [shape[0], rows, columns, window_size, window_size, shape[3]])
            strips = tf.signal.overlap_and_add(tf.transpose(windows, [0, 1, 3, 5, 2, 4]), step_size)
            planes = tf.signal.overlap_and_add(tf.transpose(strips, [0, 3, 4, 1, 2]), step_size)
            # Pixels beyond the last whole window get no gradient.
            rest = shape[1:3] - tf.shape(planes)[3:1:-1]
            return tf.pad(tf.transpose(planes, [0, 3, 2, 1]), [[0, 0], [0, rest[0]], [0, rest[1]], [0, 0]])

        return patches, gradient

    patches = extract(images)
    _, rows, columns, _ = tf.unstack(tf.shape(patches))
    windows = tf.reshape(patches, [tf.shape(images)[0], rows, columns, window_size, window_size, tf.shape(images)[3]])
    return tf.transpose(windows, [0, 1, 2, 5, 3, 4])


def windowed_frequency(
    y_true,
    y_pred,
    window_size: int = 32,
    step_size: int | None = None,
    high_freq_weight: float = 2.0,
    scale: float = 1e-3,
) -> tf.Tensor:
    """Weighted mean absolute difference between the FFT magnitudes of the windows of output and target.

    Each window is multiplied by a taper that falls to zero at its edges, so that the jump from one edge to the other
    is not taken for a frequency. At the default step the tapers of overlapping windows add up to a constant.

    Formula:
        ```
        loss = scale * mean(mask * abs(abs(fft2d(taper * window(y_true))) - abs(fft2d(taper * window(y_pred)))))
        ```
        over windows, frequencies and channels; `taper` is the product of two periodic Hann windows and `mask` is
        `high_frequency_mask`.

    Args:
        y_true: Images `(batch, height, width, channels)`.
        y_pred: Images of the same shape.
        window_size: Side of a window in pixels.
        step_size: Distance between windows in pixels; half the window if `None`.
        high_freq_weight: Weight added to the highest frequency; 0 weighs all alike.
        scale: Factor of the result. Magnitudes grow with the side of a window: at the same `scale` this loss is about
            `0.375 * window_size / side` times `frequency_sharpness`.

    Returns:
        Float32 tensor `(batch,)`.

    Raises:
        ValueError: If the images do not fit each other or the window, or a number is out of range.
        InvalidArgumentError: If a size that is unknown while tracing proves smaller than the window. XLA has no
            assertions: under `jit_compile=True` such a size gives NaN.

    Example:
        >>> import numpy as np
        >>> left, right = np.zeros((2, 1, 16, 16, 1))
        >>> left[:, 4, 4], right[:, 4, 12] = 1, 1
        >>> float(windowed_frequency(left, right, window_size=8)[0]) > 0
        True
    """
    window_size, step_size = checked_window(window_size, step_size)
    scale = checked_number(scale, "scale")
    checked_number(high_freq_weight, "high_freq_weight")
    y_true, y_pred = as_image_pair(y_true, y_pred)
    # Written out, because `tf.signal.hann_window(periodic=True)` is not periodic for an odd length.
    taper = tf.constant(0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(window_size) / window_size), y_pred.dtype)
    true, pred = (
        extract_windows(with_room_for_window(images, window_size), window_size, step_size) * taper[:, None] * taper
        for images in (y_true, y_pred)
    )
    return scale * tf.reduce_mean(magnitude_distance(true, pred, high_freq_weight), axis=[1, 2, 3])


@keras.saving.register_keras_serializable("tf_denoise")
class WindowedFrequencyLoss(ImageLoss):
    """Compares the frequencies of rolling windows: `windowed_frequency` as a Keras loss.

    Beside `FrequencySharpnessLoss` it knows the place of a frequency to within a window. Add it to a pixel loss
    (`WeightedSumLoss`).

    Formula:
        ```
        loss = scale * mean(mask * abs(abs(fft2d(taper * window(y_true))) - abs(fft2d(taper * window(y_pred)))))
        ```

    Args:
        window_size: Side of a window in pixels, at least 2.
        step_size: Distance between windows in pixels; half the window if `None`.
        high_freq_weight: Weight added to the highest frequency; 0 weighs all alike.
        scale: Factor of the loss, at least 0.
        reduction, name, dtype: As those of `ImageLoss`.

    Call arguments:
        y_true, y_pred: Images `(batch, height, width, channels)`.

    Raises:
        ValueError: If an argument lies outside its range or the images do not fit; see `windowed_frequency`.

    Example:
        >>> loss = WindowedFrequencyLoss(window_size=16)
        >>> loss.get_config()["window_size"]
        16
    """

    ARGUMENTS = ("window_size", "step_size", "high_freq_weight", "scale")
    value_per_image = staticmethod(windowed_frequency)

    def __init__(
        self,
        window_size: int = 32,
        step_size: int | None = None,
        high_freq_weight: float = 2.0,
        scale: float = 1e-3,
        reduction="sum_over_batch_size",
        name: str = "windowed_frequency",
        dtype=None,
    ):
        arguments = window_arguments(window_size, step_size) | weight_arguments(high_freq_weight, scale)
        super().__init__(arguments, reduction, name, dtype)
