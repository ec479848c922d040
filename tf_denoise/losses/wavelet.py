"""The detail bands of a wavelet transform: which frequencies and where, and a loss on them."""

import math

import keras
import numpy as np
import tensorflow as tf

from tf_denoise.checks import whole_number
from tf_denoise.losses.base import ImageLoss
from tf_denoise.losses.checks import as_image_pair, as_images, checked_number

_ROOT3 = math.sqrt(3.0)
_ROOT10 = math.sqrt(10.0)
_NESTED = math.sqrt(5.0 + 2.0 * _ROOT10)

# The averaging filter of each orthonormal wavelet in Daubechies' closed form; the other filter is its alternating flip.
_AVERAGING = {
    "haar": np.array([1.0, 1.0]) / math.sqrt(2.0),
    "db2": np.array([1.0 - _ROOT3, 3.0 - _ROOT3, 3.0 + _ROOT3, 1.0 + _ROOT3]) / (4.0 * math.sqrt(2.0)),
    "db3": np.array(
        [
            1.0 + _ROOT10 - _NESTED,
            5.0 + _ROOT10 - 3.0 * _NESTED,
            10.0 - 2.0 * _ROOT10 - 2.0 * _NESTED,
            10.0 - 2.0 * _ROOT10 + 2.0 * _NESTED,
            5.0 + _ROOT10 + 3.0 * _NESTED,
            1.0 + _ROOT10 + _NESTED,
        ]
    )
    / (16.0 * math.sqrt(2.0)),
}


def wavelet_filters(wavelet: str) -> tuple[np.ndarray, np.ndarray]:
    """The averaging and the difference filter of an orthonormal wavelet, float64, in the order of convolution.

    Raises:
        ValueError: If the wavelet has no known name.
    """
    if wavelet not in _AVERAGING:
        raise ValueError(f"`wavelet` is one of {', '.join(_AVERAGING)}; received {wavelet!r}.")
    averaging = _AVERAGING[wavelet]
    signs = np.where(np.arange(len(averaging)) % 2, 1.0, -1.0)
    return averaging, signs * averaging[::-1]


def wavelet_details(images, wavelet: str = "haar", levels: int = 3) -> list[tf.Tensor]:
    """The detail bands of a multi-level 2-D wavelet transform.

    Edges are mirrored, as PyWavelets' mode "symmetric" does; an odd size is rounded up at each level.

    Args:
        images: `(batch, height, width, channels)`.
        wavelet: "haar", "db2" or "db3".
        levels: How often the averages are split again, at least 1.

    Returns:
        For each level, the finest first, a tensor `(batch, rows, columns, channels, 3)`. The last axis holds the
        differences along the height (which answer to horizontal edges), along the width, and along both.

    Raises:
        ValueError: If `images` are not a batch of images, the wavelet has no known name, or the images are too small
            for so many levels.
        InvalidArgumentError: If a size that is unknown while tracing proves too small. XLA has no assertions: under
            `jit_compile=True` such sizes are not noticed, and the bands of the deepest levels mirror few pixels.

    Example:
        >>> import numpy as np
        >>> image = np.zeros((1, 8, 8, 1), "float32")
        >>> [tuple(band.shape) for band in wavelet_details(image, "haar", levels=3)]
        [(1, 4, 4, 1, 3), (1, 2, 2, 1, 3), (1, 1, 1, 1, 3)]
    """
    levels = _checked_levels(levels)
    images = _with_room_for_levels(as_images(images), wavelet, levels)
    return _details(images, wavelet, levels)


def _with_room_for_levels(images: tf.Tensor, wavelet: str, levels: int) -> tf.Tensor:
    """`images`, checked to be large enough: the averages of the last split are no shorter than filter and mirror."""
    length = len(wavelet_filters(wavelet)[0])
    least = (length - 1) * 2**levels
    height, width = images.shape[1:3]
    known = [side for side in (height, width) if side is not None]
    if known and min(known) < least:
        deepest = max(0, int(math.log2(max(1.0, min(known) / (length - 1)))))
        raise ValueError(
            f"{levels} levels of {wavelet!r} are too deep for images of {height} x {width} (height x width): they need "
            f"sides of at least {least} pixels. Choose levels={deepest} or less, or larger images."
            if deepest
            else f"Images of {height} x {width} (height x width) are too small for {wavelet!r}: even one level needs "
            f"sides of at least {2 * (length - 1)} pixels."
        )
    if len(known) < 2:
        message = f"The images are too small: {levels} levels of {wavelet!r} need sides of at least {least} pixels."
        with tf.control_dependencies(
            [tf.debugging.assert_greater_equal(tf.reduce_min(tf.shape(images)[1:3]), least, message)]
        ):
            images = tf.identity(images)
    return images


def _checked_levels(levels) -> int:
    checked = whole_number(levels)
    if checked is None:
        raise ValueError(f"`levels` is an integer of at least 1; received {levels!r}.")
    return checked


def _details(images: tf.Tensor, wavelet: str, levels: int) -> list[tf.Tensor]:
    """The bands of `wavelet_details`, each level one convolution with stride 2 from the averages of the one before."""
    filters = np.stack(wavelet_filters(wavelet))[:, ::-1]
    border = filters.shape[1] - 2
    # The four products of an averaging or difference filter down and one across; the averages come first.
    products = np.einsum("ai,bj->ijab", filters, filters).reshape(border + 2, border + 2, 1, 4)
    batch, _, _, channels = tf.unstack(tf.shape(images))
    averages = tf.reshape(tf.transpose(images, [0, 3, 1, 2]), [batch * channels, *tf.unstack(tf.shape(images)[1:3]), 1])
    bands = []
    for _ in range(levels):
        height, width = tf.unstack(tf.shape(averages)[1:3])
        margins = [[border, border + side % 2] for side in (height, width)]
        padded = tf.pad(averages, [[0, 0], *margins, [0, 0]], "SYMMETRIC")
        split = tf.nn.conv2d(padded, tf.constant(products, images.dtype), 2, "VALID")
        averages = split[..., :1]
        rows, columns = tf.unstack(tf.shape(split)[1:3])
        # The products run (average, difference) down by across: 1 is a difference across, 2 one down, 3 both.
        details = tf.gather(split, [2, 1, 3], axis=-1)
        bands.append(tf.transpose(tf.reshape(details, [batch, channels, rows, columns, 3]), [0, 2, 3, 1, 4]))
    return bands


def wavelet_sharpness(y_true, y_pred, wavelet: str = "haar", levels: int = 3, scale: float = 0.1) -> tf.Tensor:
    """Mean absolute difference between the magnitudes of the wavelet details of output and target.

    A coefficient says how strong a frequency is at one place. Its sign says which side of an edge is the lighter one:
    that is left to the pixel loss, as the phase is in `frequency_sharpness`.

    Formula:
        ```
        loss = scale * mean over levels of mean(abs(abs(details(y_true)) - abs(details(y_pred))))
        ```
        where `details` is `wavelet_details`. Each level counts alike, however few coefficients it has.

    Args:
        y_true: Images `(batch, height, width, channels)`.
        y_pred: Images of the same shape.
        wavelet: "haar", "db2" or "db3".
        levels: Depth of the transform, at least 1.
        scale: Factor of the result. 0.1 brings it near a mean squared error of images in [0, 1].

    Returns:
        Float32 tensor `(batch,)`.

    Raises:
        ValueError: If the images do not fit each other or are too small for so many levels, or the wavelet has no
            known name.

    Example:
        >>> import numpy as np
        >>> stripes = np.tile([0.0, 1.0], (1, 8, 4))[..., None]
        >>> [round(float(v), 4) for v in wavelet_sharpness(stripes, np.full_like(stripes, 0.5), levels=1)]
        [0.0333]
    """
    levels, scale = _checked_levels(levels), checked_number(scale, "scale")
    y_true, y_pred = as_image_pair(y_true, y_pred)
    y_true, y_pred = (_with_room_for_levels(images, wavelet, levels) for images in (y_true, y_pred))
    pairs = zip(_details(y_true, wavelet, levels), _details(y_pred, wavelet, levels), strict=True)
    distances = [tf.reduce_mean(tf.abs(tf.abs(true) - tf.abs(pred)), axis=[1, 2, 3, 4]) for true, pred in pairs]
    return scale * tf.add_n(distances) / levels


@keras.saving.register_keras_serializable("tf_denoise")
class WaveletSharpnessLoss(ImageLoss):
    """Compares the detail at every place and scale: `wavelet_sharpness` as a Keras loss.

    Add it to a pixel loss (`WeightedSumLoss`): it does not see the mean of the image nor the sign of an edge.

    Formula:
        ```
        loss = scale * mean over levels of mean(abs(abs(details(y_true)) - abs(details(y_pred))))
        ```

    Args:
        wavelet: "haar", "db2" or "db3". Longer filters see smoother detail and need larger images.
        levels: Depth of the transform, at least 1. Sides of at least `(filter length - 1) * 2**levels` are needed.
        scale: Factor of the loss, at least 0.
        reduction, name, dtype: As those of `ImageLoss`.

    Raises:
        ValueError: If an argument lies outside its range or the images do not fit; see `wavelet_sharpness`.

    Reference:
        - [Daubechies, Ten Lectures on Wavelets, 1992](https://doi.org/10.1137/1.9781611970104)

    Example:
        >>> WaveletSharpnessLoss("db2", levels=2).get_config()["wavelet"]
        'db2'
    """

    ARGUMENTS = ("wavelet", "levels", "scale")
    value_per_image = staticmethod(wavelet_sharpness)

    def __init__(
        self,
        wavelet: str = "haar",
        levels: int = 3,
        scale: float = 0.1,
        reduction="sum_over_batch_size",
        name: str = "wavelet_sharpness",
        dtype=None,
    ):
        wavelet_filters(wavelet)  # refuses an unknown name
        arguments = {"wavelet": wavelet, "levels": _checked_levels(levels), "scale": checked_number(scale, "scale")}
        super().__init__(arguments, reduction, name, dtype)
