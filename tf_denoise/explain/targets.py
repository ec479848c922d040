"""Scalars of a denoiser's output for Grad-CAM: functions `(outputs, images) -> (batch,)`."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf


def output_mean(outputs, images) -> tf.Tensor:
    """Mean of the output over places and channels."""
    return tf.reduce_mean(outputs, axis=[1, 2, 3])


def output_norm(outputs, images) -> tf.Tensor:
    """L2 norm of the output."""
    return tf.norm(tf.reshape(outputs, [tf.shape(outputs)[0], -1]), axis=1)


def region_mean(top: int, left: int, height: int, width: int) -> Callable:
    """Mean of a region of the output, in pixels.

    Raises:
        ValueError: When it is called, if the region is empty or reaches out of the output.
    """

    def target(outputs, images):
        rows, columns = outputs.shape[1:3]
        if not (0 <= top < top + height <= rows and 0 <= left < left + width <= columns):
            raise ValueError(
                f"A region of {height} x {width} pixels at ({top}, {left}) does not lie within an output of {rows} x "
                f"{columns} pixels."
            )
        return tf.reduce_mean(outputs[:, top : top + height, left : left + width], axis=[1, 2, 3])

    return target


def error_against(clean) -> Callable:
    """Mean squared error against clean images `(batch, height, width, channels)`.

    Raises:
        ValueError: When it is called, if the output has another shape.
    """

    def target(outputs, images):
        if np.shape(clean) != tuple(outputs.shape):
            raise ValueError(
                f"The clean images must have the shape of the output, {tuple(outputs.shape)}; received "
                f"{np.shape(clean)}."
            )
        return tf.reduce_mean((outputs - tf.cast(clean, outputs.dtype)) ** 2, axis=[1, 2, 3])

    return target
