"""A JPEG file that is cut and ended anew is not answered as decoded."""

import io

import numpy as np
import pytest
import tensorflow as tf
from picture_files import noise
from PIL import Image

from tf_denoise.serving.signatures import _decoded_or_not

KINDS = {
    "plain": {},
    "grey": {"channels": 1},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_rows": 1},
    "with EXIF": {"exif": b"Exif\0\0" + bytes(2000)},
}


@tf.function(input_signature=[tf.TensorSpec((), tf.string)])
def decoded(data):
    return _decoded_or_not(data, 3, 10_000_000)


def jpeg(channels=3, **options) -> bytes:
    coarse = noise(12, 16, channels)
    image = Image.fromarray(coarse[..., 0] if channels == 1 else coarse).resize((160, 157), Image.Resampling.BICUBIC)
    stream = io.BytesIO()
    image.save(stream, "JPEG", **options)
    return stream.getvalue()


@pytest.mark.parametrize("name", KINDS)
def test_a_jpeg_is_decoded_whole_or_not_at_all(name):
    data = jpeg(**KINDS[name])
    for trailer in (b"", data):
        image, _, is_decoded = decoded(data + trailer)
        assert is_decoded
        assert image.shape == (157, 160, 3)
    scan = data.rindex(b"\xff\xda") if name == "progressive" else data.index(b"\xff\xda")
    for share in (0.1, 0.5, 0.95):
        cut = data[: scan + 14 + int(share * (len(data) - 16 - scan))]
        cut = cut[:-1] if cut[-1] == 0xFF else cut
        for ending in (b"", b"\xff\xd9", b"\xff\xd9" + data):
            assert not decoded(cut + ending)[2]


def test_more_rows_than_data_are_not_decoded():
    data = jpeg()
    place = data.index(b"\xff\xc0") + 5
    for rows in (168, 14_000):
        assert not decoded(data[:place] + rows.to_bytes(2, "big") + data[place + 2 :])[2]
    assert np.isfinite(decoded(data)[0]).all()
