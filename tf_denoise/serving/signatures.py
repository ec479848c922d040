"""What a served network computes, as graphs of TensorFlow's own operations: pictures in, pictures out.

A decoding operation that meets damaged bytes fails, and all of a batch with it. Here each picture is decoded in a
dataset of one element that ignores errors, so a damaged one is an element that is not there.
"""

import math

import tensorflow as tf

from tf_denoise.errors import InputError
from tf_denoise.serving.exif import jpeg_orientation, turned
from tf_denoise.serving.jpeg_data import jpeg_lasts

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"


def signatures(model, max_pixels: int, intervals=None) -> dict:
    """The signatures of a network, each a `tf.function` with named inputs and outputs.

    Args:
        model: The network.
        max_pixels: The most pixels of a picture that is decoded.
        intervals: The `Intervals` of the network, or `None`.

    Raises:
        InputError: If it takes neither images of any size nor flattened square ones.
    """
    shape = model.input_shape
    if isinstance(shape, tuple) and len(shape) == 4 and shape[1:3] == (None, None) and shape[3] in (1, 3):
        with_interval = {} if intervals is None else _with_interval(model, intervals, shape[3])
        return _for_pictures(model, shape[3], max_pixels) | with_interval
    if isinstance(shape, tuple) and len(shape) == 2 and math.isqrt(shape[1]) ** 2 == shape[1]:
        return _for_flattened(model, shape[1])
    raise InputError(
        "Networks are exported that take images (batch, height, width, 1 or 3) of any size, or flattened square ones "
        f"(batch, pixels); {model.name} takes {shape}."
    )


def _for_pictures(model, channels: int, max_pixels: int) -> dict:
    @tf.function(input_signature=[tf.TensorSpec((None, None, None, channels), tf.float32, "images")])
    def serving_default(images):
        return {"denoised": model(images, training=False)}

    def one(data):
        image, is_deep, is_decoded = _decoded_or_not(data, channels, max_pixels)

        def png(denoised):
            return tf.cond(
                is_deep,
                lambda: tf.io.encode_png(tf.cast(tf.round(denoised * 65535.0), tf.uint16)),
                lambda: tf.io.encode_png(tf.cast(tf.round(denoised * 255.0), tf.uint8)),
            )

        def answer():
            output = model(image[None], training=False)[0]
            is_finite = tf.reduce_all(tf.math.is_finite(output))  # NaN would become black
            denoised = tf.clip_by_value(output, 0.0, 1.0)
            return tf.cond(is_finite, lambda: png(denoised), lambda: tf.constant(b"")), is_finite

        return tf.cond(is_decoded, answer, lambda: (tf.constant(b""), False))

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, "image_bytes")])
    def denoise_bytes(image_bytes):
        outputs = (tf.TensorSpec((), tf.string), tf.TensorSpec((), tf.bool))
        png, is_decoded = tf.map_fn(one, image_bytes, parallel_iterations=1, fn_output_signature=outputs)
        return {"png_bytes": png, "decoded": is_decoded}

    return {"serving_default": serving_default, "denoise_bytes": denoise_bytes}


def _with_interval(model, intervals, channels: int) -> dict:
    head, scale = intervals.head, intervals.scale

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, channels), tf.float32, "images")])
    def denoise_with_interval(images):
        denoised = model(images, training=False)
        below, above = tf.split(scale * head(tf.concat([images, denoised], axis=-1), training=False), 2, axis=-1)
        return {"denoised": denoised, "lower": denoised - below, "upper": denoised + above}

    return {"denoise_with_interval": denoise_with_interval}


def _for_flattened(model, size: int) -> dict:
    side = math.isqrt(size)

    @tf.function(input_signature=[tf.TensorSpec((None, size), tf.float32, "images")])
    def serving_default(images):
        return {"denoised": model(images, training=False)}

    @tf.function(input_signature=[tf.TensorSpec((None, side, side), tf.float32, "images")])
    def denoise_images(images):
        flat = model(tf.reshape(images, (-1, size)), training=False)
        return {"denoised": tf.reshape(flat, (-1, side, side))}

    return {"serving_default": serving_default, "denoise_images": denoise_images}


def _decoded_or_not(data, channels: int, max_pixels: int):
    """`(image, whether it has 16 bits, whether it could be decoded)`; in place of an undecodable one a black pixel."""
    decoded = tf.data.Dataset.from_tensors(data).map(lambda d: (*_decoded(d, channels, max_pixels), True))
    nothing = (tf.zeros((1, 1, channels)), False, False)
    either = decoded.ignore_errors().concatenate(tf.data.Dataset.from_tensors(nothing))
    return either.take(1).get_single_element()


def _decoded(data, channels: int, max_pixels: int):
    """An image float32 `(height, width, channels)` in [0, 1], and whether it has 16 bits. Fails if there is none."""
    is_png = tf.strings.substr(data, 0, 8) == _PNG
    is_jpeg = tf.strings.substr(data, 0, 3) == _JPEG
    tf.debugging.assert_equal(is_png | is_jpeg, True)

    def png():
        header = tf.cast(tf.io.decode_raw(tf.strings.substr(data, 16, 9), tf.uint8), tf.int64)
        width, height = (tf.reduce_sum(header[at : at + 4] * [2**24, 2**16, 2**8, 1]) for at in (0, 4))
        with tf.control_dependencies(
            [tf.debugging.assert_less_equal(width * height, tf.constant(max_pixels, tf.int64))]
        ):
            values = tf.io.decode_png(data, channels, tf.uint16)  # 8 bits become 257 times as much
        return tf.cast(values, tf.float32) / 65535.0, header[8] == 16

    def jpeg():
        height, width, _ = tf.unstack(tf.cast(tf.io.extract_jpeg_shape(data), tf.int64))
        with tf.control_dependencies(
            [tf.debugging.assert_less_equal(width * height, tf.constant(max_pixels, tf.int64))]
        ):
            whole = jpeg_lasts(data, height, width)
        with tf.control_dependencies([tf.debugging.assert_equal(whole, True)]):
            values = tf.io.decode_jpeg(data, channels, dct_method="INTEGER_ACCURATE")
        return turned(tf.cast(values, tf.float32) / 255.0, jpeg_orientation(data)), False

    image, is_deep = tf.cond(is_png, png, jpeg)
    return tf.ensure_shape(image, (None, None, channels)), is_deep
