"""Whether the data of a JPEG picture last to its end, in a graph: TensorFlow fills what is missing with grey."""

import tensorflow as tf

from tf_denoise.pictures.jpeg_markers import filling

_MOST_SEGMENTS = 1024
_SCAN, _PROGRESSIVE = 0xDA, 0xC2
_PIXELS_OF_A_BYTE = 512
"""A block of 8 x 8 pixels takes at least one bit."""


def jpeg_lasts(data, height, width) -> tf.Tensor:
    """Whether a JPEG file holds data for all of its pixels.

    Some noise is set before the end marker: a whole picture does not change, because the noise lies behind its last
    block; one whose data end early does. Compared at an eighth of the size, and whole where the JPEG is progressive.

    Args:
        data: Scalar string, a JPEG file.
        height: int64 scalar, the height that its header declares.
        width: int64 scalar, the width.

    Returns:
        bool scalar.
    """
    bytes_ = tf.cast(tf.io.decode_raw(data, tf.uint8), tf.int32)
    size = tf.size(bytes_)
    padded = tf.concat([bytes_, tf.zeros(16, tf.int32)], 0)  # no look goes beyond the end

    def goes_on(place, count, is_progressive):
        in_headers = (padded[place] == 0xFF) & (padded[place + 1] != _SCAN)
        return (place + 4 < size) & (count < _MOST_SEGMENTS) & in_headers

    def following(place, count, is_progressive):
        is_filling = padded[place + 1] == 0xFF
        length = tf.where(is_filling, -1, 256 * padded[place + 2] + padded[place + 3])
        return tf.minimum(place + 2 + length, size), count + 1, is_progressive | (padded[place + 1] == _PROGRESSIVE)

    start, _, is_progressive = tf.while_loop(goes_on, following, (tf.constant(2), tf.constant(0), tf.constant(False)))
    scan = bytes_[start:]
    ends = tf.where((scan[:-1] == 0xFF) & (scan[1:] == 0xD9))[:, 0]
    length = tf.concat([ends, [-1]], 0)[0]
    is_long = _PIXELS_OF_A_BYTE * length >= height * width

    def compared():
        end = start + tf.cast(length, tf.int32)
        filled = tf.strings.join([tf.strings.substr(data, 0, end), filling(), tf.strings.substr(data, end, size - end)])

        def same(ratio):
            one, other = (tf.io.decode_jpeg(d, 1, ratio=ratio, dct_method="INTEGER_ACCURATE") for d in (data, filled))
            return tf.reduce_all(one == other)

        is_same = same(8)
        return tf.cond(is_same & is_progressive, lambda: same(1), lambda: is_same)

    return tf.cond(is_long, compared, lambda: tf.constant(False))
