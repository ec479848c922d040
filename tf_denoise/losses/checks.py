"""What every loss asks of its images and of its numbers.

A size that is known while a function is traced is checked there, with a `ValueError`. One that is known only when the
graph runs is checked by an assertion, an `InvalidArgumentError`. XLA drops assertions: there, sizes that are unknown
while tracing are not checked.
"""

import tensorflow as tf

from tf_denoise.checks import finite_number, whole_number


def as_images(images, name: str = "images") -> tf.Tensor:
    """`images` as a float32 (or float64) tensor `(batch, height, width, channels)`.

    Args:
        images: Tensor of rank 4. Anything but float64 becomes float32, the least that FFTs and window sums bear.
        name: What the error message calls it.

    Returns:
        Tensor of the same shape.

    Raises:
        ValueError: If the rank is not 4 or unknown, or if the channels come first.
    """
    images = tf.convert_to_tensor(images)
    shape = images.shape
    if shape.rank != 4:
        raise ValueError(
            f"`{name}` is a batch of images: expected shape (batch, height, width, channels), received {shape}. "
            "Reshape flattened images, add a batch axis to a single one, and give a tensor of unknown rank its rank "
            "with `set_shape`."
        )
    if shape[1] in (1, 3) and shape[3] is not None and shape[3] > 4:
        raise ValueError(
            f"`{name}` has its channels first: expected shape (batch, height, width, channels), received {shape}. "
            "Transpose it with `tf.transpose(images, [0, 2, 3, 1])`."
        )
    return images if images.dtype == tf.float64 else tf.cast(images, tf.float32)


def as_image_pair(y_true, y_pred) -> tuple[tf.Tensor, tf.Tensor]:
    """Target and output as two tensors of one dtype, checked to have one shape.

    Args:
        y_true: Target, `(batch, height, width, channels)`.
        y_pred: Output of the same shape.

    Returns:
        Both, as `as_images` gives them.

    Raises:
        ValueError: If one is not a batch of images, or if the shapes differ as far as they are known.
    """
    y_true, y_pred = as_images(y_true, "y_true"), as_images(y_pred, "y_pred")
    if not y_true.shape.is_compatible_with(y_pred.shape):
        raise ValueError(
            f"`y_true` and `y_pred` must have one shape; received {y_true.shape} and {y_pred.shape}. "
            "Does the model keep the size of its input?"
        )
    if not (y_true.shape.is_fully_defined() and y_pred.shape.is_fully_defined()):
        message = "`y_true` and `y_pred` must have one shape."
        with tf.control_dependencies([tf.debugging.assert_equal(tf.shape(y_true), tf.shape(y_pred), message)]):
            y_true = tf.identity(y_true)
    return tf.cast(y_true, y_pred.dtype), y_pred


def checked_window(window_size, step_size) -> tuple[int, int]:
    """Window and step as integers; the step is half the window where it is `None`.

    Raises:
        ValueError: If the window is not an integer of at least 2, or the step not one of at least 1.
    """
    window = whole_number(window_size, least=2)
    if window is None:
        raise ValueError(f"`window_size` is an integer of at least 2 pixels; received {window_size!r}.")
    step = window // 2 if step_size is None else whole_number(step_size)
    if step is None:
        raise ValueError(
            f"`step_size` is an integer of at least 1 pixel, or None for half the window; received {step_size!r}."
        )
    return window, step


def window_arguments(window_size, step_size) -> dict[str, int | None]:
    """Window and step as a loss keeps them: Python integers, `None` where the step follows the window.

    Raises:
        ValueError: As `checked_window` raises it.
    """
    window, step = checked_window(window_size, step_size)
    return {"window_size": window, "step_size": None if step_size is None else step}


def weight_arguments(high_freq_weight, scale) -> dict[str, float]:
    """Weight of the highest frequency and factor of a loss, as it keeps them.

    Raises:
        ValueError: As `checked_number` raises it.
    """
    numbers = {"high_freq_weight": high_freq_weight, "scale": scale}
    return {name: checked_number(value, name) for name, value in numbers.items()}


def with_room_for_window(images: tf.Tensor, window_size: int) -> tf.Tensor:
    """`images`, checked to hold at least one window.

    Raises:
        ValueError: If a known side is smaller than the window.
    """
    height, width = images.shape[1:3]
    if any(side is not None and side < window_size for side in (height, width)):
        raise ValueError(
            f"The images are smaller than the window: expected sides of at least window_size={window_size} pixels, "
            f"received {height} x {width} (height x width). Choose a smaller window_size or larger images."
        )
    if height is None or width is None:
        message = f"The images are smaller than the window of {window_size} pixels."
        with tf.control_dependencies(
            [tf.debugging.assert_greater_equal(tf.reduce_min(tf.shape(images)[1:3]), window_size, message)]
        ):
            images = tf.identity(images)
    return images


def checked_number(value, name: str) -> float:
    """`value` as a float.

    Raises:
        ValueError: If it is negative, infinite or not a number.
    """
    number = finite_number(value)
    if number is None:
        raise ValueError(f"`{name}` is a finite number of at least 0; received {value!r}.")
    return number
