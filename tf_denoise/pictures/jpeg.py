"""JPEG files."""

import io
import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL.Image import fromarray
from PIL.JpegImagePlugin import JpegImageFile

from tf_denoise.pictures.headers import Decoded, PictureHeader, orientation_of
from tf_denoise.pictures.jpeg_markers import EOI, Markers, lasts, read_markers

_KINDS = {1: "grey", 3: "colour", 4: "CMYK"}
_TAIL = 4096
_EXIF, _XMP, _MORE_XMP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
_GAIN_MAP = (b"hdrgm:", b"HDRGainMap")
_JFIF = b"JFIF\0"


def read_header(file: BinaryIO, size: int) -> tuple[PictureHeader, str | None]:
    """The header, and what is wrong with the file if its data cannot reach the end of the picture."""
    markers = read_markers(file)
    orientation = orientation_of(_content(markers, _EXIF))
    header = PictureHeader(markers.height, markers.width, _KINDS[len(markers.components)], 8, "JPEG", orientation)
    if size - markers.scan < markers.least_bytes:
        return header, "is truncated: its data are too few for the size that its header declares"
    file.seek(max(markers.scan, size - _TAIL))
    if EOI not in file.read():
        file.seek(markers.scan)
        if EOI not in file.read():  # which a long trailer does not end in
            return header, "is truncated: it has no end marker"
    return header, None


def _content(markers: Markers, start: bytes) -> bytes | None:
    return next((content for _, content in markers.segments if content.startswith(start)), None)


def decode(path: Path) -> Decoded:
    """The pixels; kept are the segments beside them.

    Raises:
        ValueError: If the data do not last to the end of the picture.
    """
    data = path.read_bytes()
    markers = read_markers(io.BytesIO(data))
    if not lasts(data, markers):
        raise ValueError("its data end before the picture does")
    image = JpegImageFile(io.BytesIO(data))
    kept, lost = _segments(markers)
    if not any("MPF" in words or "gain map" in words for words in lost) and _has_trailer(data, markers.scan):
        lost = (*lost, "what follows its end (a video or another picture)")
    pixels = np.asarray(image)
    return Decoded(pixels, image.info.get("icc_profile"), image.info.get("exif"), kept, lost)


def _has_trailer(data: bytes, scan: int) -> bool:
    return bool(data[data.index(EOI, scan) + len(EOI) :].strip(b"\0\n"))


def _segments(markers: Markers) -> tuple[list[tuple[int, bytes]], tuple[str, ...]]:
    """The segments that are written again beside profile and EXIF data, and what is not, in words."""
    kept, lost = [], []
    has_gain_map = any(mark in content for _, content in markers.segments for mark in _GAIN_MAP)
    for code, content in markers.segments:
        if content.startswith(b"MPF\0"):
            lost.append("its gain map" if has_gain_map else "the further pictures in it (MPF)")
        elif content.startswith((_XMP, _MORE_XMP)) and has_gain_map:
            lost += ["its gain map", "its XMP data, which speak of the gain map"]
        elif content.startswith((_XMP, _MORE_XMP, _JFIF, b"Photoshop 3.0\0")) or code == 0xFE:
            kept.append((code, content))
        elif content.startswith((_EXIF, b"ICC_PROFILE\0", b"Adobe", b"JFXX\0")):
            continue  # written by Pillow, or of no meaning for the new file
        elif content.startswith(b"urn:iso:std:iso:ts:21496:-1\0"):
            lost.append("its gain map")
        elif code == 0xEB and content.startswith(b"JP"):
            lost.append("its content credentials (JUMBF)")
        else:
            lost.append(f"its APP{code - 0xE0} segment")
    return kept, tuple(dict.fromkeys(lost))


def encode(path: Path, values: np.ndarray, like, orientation: int, quality: int) -> None:
    """Write the pixels with unsubsampled colours, and the segments of `like`."""
    options = {"icc_profile": like.profile} if like.profile else {}
    options |= {"exif": like.exif} if like.exif else {}
    stream = io.BytesIO()
    image = fromarray(values[..., 0] if values.shape[-1] == 1 else values)
    image.save(stream, "JPEG", quality=quality, subsampling=0, **options)
    data = stream.getvalue()
    first = 2 + 2 + struct.unpack_from(">H", data, 4)[0]  # behind the JFIF segment that Pillow begins with
    segments = list(like.kept or ())
    jfif = next((content for _, content in segments if content.startswith(_JFIF)), None)
    if jfif is not None:  # resolution and its unit; a thumbnail would show the noise
        data = data[:13] + jfif[7:12] + data[18:]
    written = b"".join(
        struct.pack(">BBH", 0xFF, code, len(content) + 2) + content
        for code, content in segments
        if not content.startswith(_JFIF)
    )
    path.write_bytes(_after_exif(data, first, written))


def _after_exif(data: bytes, place: int, segments: bytes) -> bytes:
    """Set segments behind the JFIF segment and the EXIF data, where readers look for those."""
    while data[place : place + 2] == b"\xff\xe1":
        place += 2 + struct.unpack_from(">H", data, place + 2)[0]
    return data[:place] + segments + data[place:]
