"""The sharpness of windows: how much neighbouring pixels differ in each, and a loss on the sorted scores."""

import keras
import tensorflow as tf

from tf_denoise.losses.base import ImageLoss
from tf_denoise.losses.checks import (
    as_image_pair,
    as_images,
    checked_number,
    checked_window,
    window_arguments,
    with_room_for_window,
)


def sharpness_scores(images, window_size: int = 32, step_size: int | None = None) -> tf.Tensor:
    """Sharpness score of every window of every image.

    The images are looked at through square windows that move by `step_size`; only whole windows count.

    Formula:
        ```
        score = mean over channels of the sum over the window of
            |x[i, j] - x[i, j + 1]| + |x[i, j] - x[i + 1, j]|
            + |x[i, j] - x[i + 1, j + 1]| + |x[i, j + 1] - x[i + 1, j]|
        ```
        Both pixels of a difference lie inside the window. No window is ever cut out: the four maps of differences are
        made once and summed over windows by one product with a banded 0/1 matrix on either side.

    Args:
        images: `(batch, height, width, channels)`.
        window_size: Side of a window in pixels, at least 2.
        step_size: Distance between windows in pixels; half the window if `None`.

    Returns:
        Float32 scores `(batch, rows, columns)`, `rows = (height - window_size) // step_size + 1`. The window of
        `[:, r, c]` has its upper left pixel at `(r * step_size, c * step_size)`.

    Raises:
        ValueError: If `images` are not a batch of images, or smaller than the window.
        InvalidArgumentError: If a size that is unknown while tracing proves smaller than the window. XLA has no
            assertions: under `jit_compile=True` such a size gives no scores, and a loss of NaN.

    Example:
        >>> import numpy as np
        >>> stripes = np.tile([0.0, 1.0], (1, 8, 4))[..., None]
        >>> sharpness_scores(stripes, window_size=4).numpy().tolist()
        [[[30.0, 30.0, 30.0], [30.0, 30.0, 30.0], [30.0, 30.0, 30.0]]]
    """
    window_size, step_size = checked_window(window_size, step_size)
    images = with_room_for_window(as_images(images), window_size)
    return _compiled_window_scores(images, window_size, step_size)


def window_scores(images: tf.Tensor, window_size: int, step_size: int) -> tf.Tensor:
    """The scores of `sharpness_scores`, of arguments that are already checked."""

    batch, height, width = tf.unstack(tf.shape(images)[:3])
    channels = images.shape[3] if images.shape[3] is not None else tf.shape(images)[3]
    rows, columns = tf.unstack(tf.maximum((tf.shape(images)[1:3] - window_size) // step_size + 1, 0))
    # Rows of pixels with their channels side by side: the neighbour to the right lies `channels` values further on, and
    # one product sums over a window's width and over the channels.
    lines = tf.reshape(images, [batch, height, width * channels])

    def summed(differences, window_height, window_width):
        lost_rows, lost_columns = window_size - window_height, window_size - window_width
        down = _bands(rows, height - lost_rows, step_size, window_height, images.dtype)
        across = _bands(columns, width - lost_columns, step_size, window_width, images.dtype)
        across = tf.repeat(across, channels, axis=1) / tf.cast(channels, images.dtype)
        return tf.matmul(down, tf.matmul(differences, across, transpose_b=True))

    # A pair of neighbours is one pixel shorter than the window along the axis on which the two differ.
    short = window_size - 1
    here, beside = lines[:, :, :-channels], lines[:, :, channels:]
    right = tf.abs(here - beside)
    lower = tf.abs(lines[:, :-1] - lines[:, 1:])
    diagonals = tf.abs(here[:, :-1] - beside[:, 1:]) + tf.abs(beside[:, :-1] - here[:, 1:])
    return summed(right, window_size, short) + summed(lower, short, window_size) + summed(diagonals, short, short)


_compiled_window_scores = tf.function(window_scores, jit_compile=True)


def _bands(windows, size, step: int, length: int, dtype) -> tf.Tensor:
    """The 0/1 matrix `(windows, size)` whose row r sums the `length` entries from `r * step` on."""
    offset = tf.range(size)[None, :] - step * tf.range(windows)[:, None]
    return tf.cast((offset >= 0) & (offset < length), dtype)


def regional_sharpness(
    y_true, y_pred, window_size: int = 32, step_size: int | None = None, scale: float = 1e-3
) -> tf.Tensor:
    """Mean absolute difference between the sorted sharpness scores of output and target.

    Sorting compares how sharp the windows are and lets go of where they lie.

    Formula:
        ```
        loss = scale * mean(abs(sort(scores(y_true)) - sort(scores(y_pred))))
        ```
        where `scores` is `sharpness_scores`, flattened per image.

    Args:
        y_true: Images `(batch, height, width, channels)`, or their scores `(batch, windows)`, as
            `SharpnessCache.sorted_scores` gives them.
        y_pred: Images `(batch, height, width, channels)`.
        window_size: Side of a window in pixels.
        step_size: Distance between windows in pixels; half the window if `None`.
        scale: Factor of the result. 1e-3 brings it near a mean squared error of images in [0, 1].

    Returns:
        Float32 tensor `(batch,)`.

    Raises:
        ValueError: If an argument has the wrong rank, the images differ in shape or are smaller than the window, or
            if there are not as many cached scores as windows.

    Example:
        >>> import numpy as np
        >>> checks = np.indices((8, 8)).sum(0)[None, :, :, None] % 2
        >>> flat = np.full((1, 8, 8, 1), 0.5)
        >>> [round(float(v), 3) for v in regional_sharpness(checks, flat, window_size=4)]
        [0.024]
    """
    window_size, step_size = checked_window(window_size, step_size)
    scale = checked_number(scale, "scale")
    y_true = tf.convert_to_tensor(y_true)
    if y_true.shape.rank == 2:
        y_pred = as_images(y_pred, "y_pred")
        target = tf.cast(y_true, y_pred.dtype)
    else:
        y_true, y_pred = as_image_pair(y_true, y_pred)
        target = _flat(sharpness_scores(y_true, window_size, step_size))
    output = _flat(sharpness_scores(y_pred, window_size, step_size))
    target = _with_windows_of(output, target, window_size, step_size)
    return scale * tf.reduce_mean(tf.abs(_descending(target) - _descending(output)), axis=-1)


def _flat(scores: tf.Tensor) -> tf.Tensor:
    rows, columns = scores.shape[1:]
    windows = -1 if rows is None or columns is None else rows * columns
    return tf.reshape(scores, [tf.shape(scores)[0], windows])


def _descending(scores: tf.Tensor) -> tf.Tensor:
    return tf.sort(scores, axis=-1, direction="DESCENDING")


def _with_windows_of(output: tf.Tensor, target: tf.Tensor, window_size: int, step_size: int) -> tf.Tensor:
    """`target`, checked to have one score for each of the output's windows."""
    advice = (
        f"The cache was built with another window, step or image size: build it again with window_size={window_size}, "
        f"step_size={step_size} from images of the size that the model gives."
    )
    if not target.shape.is_compatible_with(output.shape):
        raise ValueError(
            f"The output has {output.shape[1]} windows per image, `y_true` holds {target.shape[1]} cached scores "
            f"(shapes {output.shape} and {target.shape}). {advice}"
        )
    if None in (target.shape[1], output.shape[1]):
        with tf.control_dependencies([tf.debugging.assert_equal(tf.shape(target), tf.shape(output), advice)]):
            target = tf.identity(target)
    return target


@keras.saving.register_keras_serializable("tf_denoise")
class RegionalSharpnessLoss(ImageLoss):
    """Compares how sharp the windows of output and target are: `regional_sharpness` as a Keras loss.

    It is an auxiliary loss: two images may share all scores and still differ, so add it to a pixel loss
    (`WeightedSumLoss`). Trained for long it may print the grid of its windows into the output, and shift colours:
    `evaluation.sharpness.checkerboard` and `discoloration` measure both.

    Formula:
        ```
        loss = scale * mean(abs(sort(scores(y_true)) - sort(scores(y_pred))))
        ```

    Args:
        window_size: Side of a window in pixels, at least 2.
        step_size: Distance between windows in pixels; half the window if `None`.
        scale: Factor of the loss, at least 0.
        reduction, name, dtype: As those of `ImageLoss`.

    Call arguments:
        y_true: Images `(batch, height, width, channels)`, or cached scores `(batch, windows)`.
        y_pred: Images `(batch, height, width, channels)`.

    Raises:
        ValueError: If an argument lies outside its range or the images do not fit; see `regional_sharpness`.

    Reference:
        - The score and its constants come from a blog post on sharpening a denoising U-Net (mmalek06.github.io).

    Example:
        Targets are scored once, and the model gets its image under two names:

        >>> import keras, numpy as np
        >>> from tf_denoise.losses import build_sharpness_cache
        >>> noisy, clean = np.random.rand(2, 4, 16, 16, 1).astype("float32")
        >>> names = [f"{i}.png" for i in range(4)]
        >>> cache = build_sharpness_cache(zip(names, clean), window_size=8)
        >>> inputs = keras.Input((16, 16, 1))
        >>> image = keras.layers.Conv2D(1, 3, padding="same")(inputs)
        >>> model = keras.Model(inputs, {"image": image, "sharpness": image})
        >>> model.compile(
        ...     loss={"image": "mse", "sharpness": RegionalSharpnessLoss(window_size=8)},
        ...     loss_weights={"image": 0.8, "sharpness": 0.2},
        ... )
        >>> targets = {"image": clean, "sharpness": cache.sorted_scores(names)}
        >>> history = model.fit(noisy, targets, verbose=0)
    """

    ARGUMENTS = ("window_size", "step_size", "scale")
    value_per_image = staticmethod(regional_sharpness)

    def __init__(
        self,
        window_size: int = 32,
        step_size: int | None = None,
        scale: float = 1e-3,
        reduction="sum_over_batch_size",
        name: str = "regional_sharpness",
        dtype=None,
    ):
        arguments = {**window_arguments(window_size, step_size), "scale": checked_number(scale, "scale")}
        super().__init__(arguments, reduction, name, dtype)
