"""The EXIF orientation of a JPEG picture, in a graph: TensorFlow's decoder ignores it, and telephones rely on it."""

import tensorflow as tf

_TAG = 0x0112
_MOST_SEGMENTS = 64


def jpeg_orientation(data) -> tf.Tensor:
    """The orientation that the EXIF data of a JPEG file name.

    The segments before the image data are gone through for one of EXIF; in its first directory the tag is looked for.

    Args:
        data: Scalar string, a JPEG file that can be decoded.

    Returns:
        int32 scalar, 1 to 8; 1 where the file says nothing, or nothing that can be read.

    Reference:
        - [CIPA DC-008, Exif 2.32, 4.6.2 and 4.7.2](https://www.cipa.jp/std/documents/e/DC-X008-Translation-2019-E.pdf)
    """
    header = tf.cast(tf.io.decode_raw(tf.strings.substr(data, 0, 1 << 20), tf.uint8), tf.int32)
    padded = tf.concat([header, tf.zeros(16, tf.int32)], 0)  # no look goes beyond the end
    size = tf.size(header)

    def is_exif(place):
        return tf.reduce_all(
            padded[place : place + 10] * [1, 1, 0, 0, 1, 1, 1, 1, 1, 1] == [0xFF, 0xE1, 0, 0, *b"Exif\0\0"]
        )

    def goes_on(place, count):
        in_headers = (padded[place] == 0xFF) & (padded[place + 1] != 0xDA)
        return (place + 4 < size) & (count < _MOST_SEGMENTS) & in_headers & ~is_exif(tf.minimum(place, size))

    def following(place, count):
        length = 256 * padded[place + 2] + padded[place + 3]
        return tf.minimum(place + 2 + length, size), count + 1

    place, _ = tf.while_loop(goes_on, following, (tf.constant(2), tf.constant(0)))
    return tf.cond(is_exif(place), lambda: _from_tiff(padded, place + 10, size), lambda: tf.constant(1))


def _from_tiff(padded, start, size) -> tf.Tensor:
    is_little = padded[start] == ord("I")

    def number(bytes_):
        ordered = tf.cond(is_little, lambda: tf.reverse(bytes_, [-1]), lambda: bytes_)
        return tf.reduce_sum(ordered * [2**8, 1], -1)

    def long_number(place):
        ordered = tf.cond(is_little, lambda: padded[place : place + 4][::-1], lambda: padded[place : place + 4])
        return tf.reduce_sum(ordered[1:] * [2**16, 2**8, 1])  # no directory lies beyond 16 million bytes

    directory = tf.minimum(start + long_number(start + 4), size)
    count = tf.minimum(number(padded[directory : directory + 2]), (size - directory - 2) // 12)
    entries = tf.reshape(padded[directory + 2 : directory + 2 + 12 * tf.maximum(count, 0)], (-1, 12))
    found = tf.boolean_mask(number(entries[:, 8:10]), number(entries[:, :2]) == _TAG)
    value = tf.concat([found, [1]], 0)[0]
    return tf.where((value >= 1) & (value <= 8), value, 1)


def turned(image, orientation) -> tf.Tensor:
    """An image `(height, width, channels)` turned upright."""
    swapped = tf.cond(orientation >= 5, lambda: tf.transpose(image, (1, 0, 2)), lambda: image)
    upside_down = tf.reduce_any(orientation == [3, 4, 7, 8])
    swapped = tf.cond(upside_down, lambda: swapped[::-1], lambda: swapped)
    mirrored = tf.reduce_any(orientation == [2, 3, 6, 7])
    return tf.cond(mirrored, lambda: swapped[:, ::-1], lambda: swapped)
