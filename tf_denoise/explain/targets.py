"""Scalars of a denoiser's output for Grad-CAM: functions `(outputs, images) -> (batch,)`."""

from collections.abc import Callable

import tensorflow as tf


def output_mean(outputs, images) -> tf.Tensor:
    """Mean of the output over places and channels."""
    return tf.reduce_mean(outputs, axis=[1, 2, 3])


def output_norm(outputs, images) -> tf.Tensor:
    """L2 norm of the output."""
    return tf.norm(tf.reshape(outputs, [tf.shape(outputs)[0], -1]), axis=1)


def region_mean(top: int, left: int, height: int, width: int) -> Callable:
    """Mean of a region of the output, in pixels."""

    def target(outputs, images):
        return tf.reduce_mean(outputs[:, top : top + height, left : left + width], axis=[1, 2, 3])

    return target


def error_against(clean) -> Callable:
    """Mean squared error against clean images `(batch, height, width, channels)`."""

    def target(outputs, images):
        return tf.reduce_mean((outputs - tf.cast(clean, outputs.dtype)) ** 2, axis=[1, 2, 3])

    return target
