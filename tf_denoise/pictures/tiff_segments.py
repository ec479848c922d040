"""The strips and tiles of a TIFF file, judged before anything in them is inflated."""

import io
import math

import numpy as np
import tifffile

from tf_denoise.pictures.headers import UnsupportedError
from tf_denoise.pictures.jpeg_markers import lasts, read_markers

_JPEG = 7
_BYTEWISE = {
    1: "nothing",
    5: "LZW",
    8: "deflate",
    32773: "PackBits",
    32946: "deflate",
    34925: "LZMA",
    50000: "ZSTD",
}
"""Compressions whose decoder is told how many bytes may come out."""
_PICTURES = {33003: "JPEG 2000", 33004: "JPEG 2000", 33005: "JPEG 2000", 34712: "JPEG 2000", 34933: "PNG"} | {
    34927: "WebP",
    50001: "WebP",
}
"""Compressions by a picture format whose header says how many pixels come out."""
_MOST_TILE_PIXELS = 4_194_304


def check_codec(page: tifffile.TiffPage) -> None:
    """Refuse a compression that cannot be undone, or not within bounds.

    Raises:
        UnsupportedError: If it is one.
    """
    code = int(page.compression)
    name = _BYTEWISE.get(code) or _PICTURES.get(code) or getattr(page.compression, "name", f"method {code}")
    if code not in _BYTEWISE and code not in _PICTURES and code != _JPEG:
        raise UnsupportedError(f"is compressed by {name}, which is not supported")
    if page.is_subsampled and code != _JPEG:
        raise UnsupportedError("has subsampled colours without JPEG compression, which is not supported")
    try:
        if code != 1:
            tifffile.TIFF.DECOMPRESSORS[code]
        if page.predictor != 1:
            tifffile.TIFF.UNPREDICTORS[page.predictor]
    except KeyError:
        raise UnsupportedError(
            f"is compressed by {name}, which needs imagecodecs; install it by pip install imagecodecs"
        ) from None


def problem_of_segments(page: tifffile.TiffPage, size: int) -> str | None:
    """What is wrong with the strips or tiles of a page in a file of `size` bytes, or `None`.

    All must be there and have data, and inside the file; those that are not compressed as many as their pixels take.
    """
    word, needed = _needed_bytes(page)
    offsets, counts = page.dataoffsets, page.databytecounts
    if min(len(offsets), len(counts)) < len(needed):
        return f"is damaged: it has {min(len(offsets), len(counts))} of the {len(needed)} {word} of its height"
    pairs = list(zip(offsets, counts, needed, strict=False))
    empty = sum(not offset or not count for offset, count, _ in pairs)
    if empty:
        return f"is damaged: {empty} of its {len(needed)} {word} have no data"
    if max(offset + count for offset, count, _ in pairs) > size:
        return f"is truncated: its {size:,} bytes end before the picture does"
    if page.compression == 1 and any(count < least for _, count, least in pairs):
        return f"is damaged: its {word} hold fewer bytes than the size that its header declares"
    return None


def _needed_bytes(page: tifffile.TiffPage) -> tuple[str, "_Same"]:
    """What the parts of a page are called, and the bytes that each takes without compression."""
    planes = page.samplesperpixel if page.planarconfig == 2 else 1
    samples = page.samplesperpixel // planes
    depth = (page.bitspersample if isinstance(page.bitspersample, int) else page.bitspersample[0]) * samples
    if page.is_tiled:
        across, down = page.tilewidth, page.tilelength
        if min(across, down) < 1 or across * down > max(_MOST_TILE_PIXELS, 4 * page.imagewidth * page.imagelength):
            raise ValueError(f"its tiles are {across} x {down} pixels")
        count = math.ceil(page.imagewidth / across) * math.ceil(page.imagelength / down)
        return "tiles", _Same(down * math.ceil(across * depth / 8), planes * count)
    rows = min(page.rowsperstrip, page.imagelength)
    if rows < 1:
        raise ValueError("its strips have no rows")
    count = math.ceil(page.imagelength / rows)
    row_bytes = math.ceil(page.imagewidth * depth / 8)
    last = page.imagelength - rows * (count - 1)
    return "strips", _Same(rows * row_bytes, count, last * row_bytes, planes)


class _Same:
    """A sequence of one number, another one at the end of each plane; as long as a damaged header says."""

    def __init__(self, number: int, count: int, last: int | None = None, planes: int = 1):
        self._number, self._count, self._planes = number, count, planes
        self._last = number if last is None else last

    def __len__(self) -> int:
        return self._count * self._planes

    def __iter__(self):
        for index in range(len(self)):
            yield self._last if (index + 1) % self._count == 0 else self._number


def check_pictures_in_segments(page: tifffile.TiffPage) -> None:
    """Refuse strips and tiles that are pictures of another size than they should be, or JPEG data that are cut.

    Raises:
        ValueError: If there is one.
    """
    code = int(page.compression)
    if code in _BYTEWISE:
        return
    width, height = (page.tilewidth, page.tilelength) if page.is_tiled else (page.imagewidth, page.rowsperstrip)
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False):
        page.parent.filehandle.seek(offset)
        data = page.parent.filehandle.read(count)
        if code == _JPEG:
            markers = read_markers(io.BytesIO(data))
            found = markers.width, markers.height
        else:
            found = _size_of(data)
        if found[0] > width or found[1] > min(height, page.imagelength if not page.is_tiled else height):
            raise ValueError(f"a part of it is {found[0]} x {found[1]} pixels, and its header says {width} x {height}")
        if code == _JPEG and not lasts(data, markers, lambda packed: _jpeg_values(packed, page.jpegtables)):
            raise ValueError("its JPEG data end before the picture does")


def _jpeg_values(data: bytes, tables: bytes | None) -> np.ndarray:
    import imagecodecs

    return imagecodecs.jpeg8_decode(data, tables=tables)


def _size_of(data: bytes) -> tuple[int, int]:
    if data[:4] == b"RIFF":
        return _size_of_webp(data)
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:  # its header alone is read
        return image.size


def _size_of_webp(data: bytes) -> tuple[int, int]:
    """Width and height by the header; Pillow would get the memory of the whole picture for them.

    Reference:
        WebP container specification; RFC 9649, sections 2.5 (lossy), 2.6 (lossless) and 2.7 (extended).
    """
    kind, rest = data[8:16], data[20:30]
    if len(rest) == 10 and kind == b"WEBPVP8X":
        return 1 + int.from_bytes(rest[4:7], "little"), 1 + int.from_bytes(rest[7:10], "little")
    if len(rest) == 10 and kind == b"WEBPVP8L" and rest[0] == 0x2F:
        sides = int.from_bytes(rest[1:5], "little")
        return 1 + sides % 2**14, 1 + (sides >> 14) % 2**14
    if len(rest) == 10 and kind == b"WEBPVP8 " and rest[3:6] == b"\x9d\x01\x2a":
        return int.from_bytes(rest[6:8], "little") % 2**14, int.from_bytes(rest[8:10], "little") % 2**14
    raise ValueError("its WebP data have no header")
