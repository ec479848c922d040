"""The markers of a JPEG file, and whether its data last to the end of the picture."""

import dataclasses
import io
import struct
from collections.abc import Callable
from typing import BinaryIO

import numpy as np
from PIL.JpegImagePlugin import JpegImageFile

from tf_denoise.pictures.headers import UnsupportedError

EOI = b"\xff\xd9"
_SOI_BYTES = 2
_FRAMES = {0xC0: "baseline", 0xC1: "extended", 0xC2: "progressive", 0xC9: "arithmetic", 0xCA: "arithmetic"}
_OTHER_FRAMES = {0xC3: "lossless", 0xC5: "hierarchical", 0xC6: "hierarchical", 0xC7: "hierarchical", 0xCB: "lossless"}
_LEAST_BITS = {"baseline": 2, "extended": 2, "progressive": 1, "arithmetic": 0}  # of a block of 8 x 8 values
_SOS, _COMMENT = 0xDA, 0xFE
_FILLING_BYTES = 2048


@dataclasses.dataclass(frozen=True)
class Markers:
    """What the markers before the first scan say.

    Attributes:
        height: Pixels from top to bottom, as stored.
        width: Pixels from left to right, as stored.
        components: Horizontal and vertical sampling of each component.
        process: `baseline`, `extended`, `progressive` or `arithmetic`.
        segments: Marker and content of the application segments and comments.
        scan: Where the first scan begins.
    """

    height: int
    width: int
    components: tuple[tuple[int, int], ...]
    process: str
    segments: tuple[tuple[int, bytes], ...]
    scan: int

    @property
    def least_bytes(self) -> int:
        """The fewest bytes that can hold the scans of a picture of this size."""
        most_across, most_down = (max(sampling) for sampling in zip(*self.components, strict=True))
        blocks = sum(
            -(-self.width * across // (8 * most_across)) * -(-self.height * down // (8 * most_down))
            for across, down in self.components
        )
        return blocks * _LEAST_BITS[self.process] // 8


def read_markers(file: BinaryIO) -> Markers:
    """Read a file from its beginning to its first scan.

    Raises:
        UnsupportedError: If it is a sound file of a kind that is seldom used and not supported.
        ValueError: If it is damaged.
    """
    file.seek(_SOI_BYTES)
    frame = None
    segments = []
    while True:
        marker = file.read(2)
        while len(marker) == 2 and marker == b"\xff\xff":  # filling
            marker = marker[1:] + file.read(1)
        stated = file.read(2)
        if len(marker) < 2 or len(stated) < 2 or marker[0] != 0xFF:
            raise ValueError("it ends, or a marker is missing, before the first scan")
        code, length = marker[1], int.from_bytes(stated, "big")
        content = file.read(length - 2)
        if length < 2 or len(content) < length - 2:
            raise ValueError("it ends before the first scan")
        if code == _SOS:
            if frame is None:
                raise ValueError("its scan comes before its header")
            height, width, components, process = frame
            return Markers(height, width, components, process, tuple(segments), file.tell())
        if code in _FRAMES:
            frame = _frame(code, content)
        elif code in _OTHER_FRAMES:
            raise UnsupportedError(f"is a {_OTHER_FRAMES[code]} JPEG file, which is not supported")
        elif 0xE0 <= code <= 0xEF or code == _COMMENT:
            segments.append((code, content))


def _frame(code: int, content: bytes) -> tuple[int, int, tuple[tuple[int, int], ...], str]:
    bits, height, width, count = struct.unpack_from(">BHHB", content)
    if bits != 8:
        raise UnsupportedError(f"has {bits} bits a value; expected 8 in a JPEG file")
    if count not in (1, 3, 4):
        raise UnsupportedError(f"has {count} components; expected 1 (grey) or 3 (colour) in a JPEG file")
    if not height or not width:
        raise UnsupportedError(f"declares {width} x {height} pixels in its JPEG header; expected the size there")
    samplings = tuple((content[7 + 3 * i] >> 4, content[7 + 3 * i] & 15) for i in range(count))
    if not all(1 <= side <= 4 for sampling in samplings for side in sampling):
        raise ValueError("its header declares impossible samplings")
    return height, width, samplings, _FRAMES[code]


def lasts(data: bytes, markers: Markers, decode: Callable[[bytes], np.ndarray] | None = None) -> bool:
    """Whether the data of a JPEG file last to the last block of the picture.

    A decoder that meets the end marker too early fills the rest with grey and says nothing. So some bytes of noise are
    set before the end marker: a whole picture does not change, because they lie behind its last block; one that is cut
    does.

    Args:
        data: The file.
        markers: Its markers.
        decode: How to decode it; at an eighth of the size by default, and whole where details come in later scans.
    """
    end = data.find(EOI, markers.scan)
    if end < 0 or end - markers.scan < markers.least_bytes:
        return False
    filled = data[:end] + filling() + data[end:]
    if decode is not None:
        return np.array_equal(decode(data), decode(filled))
    if not np.array_equal(_decoded(data, 8), _decoded(filled, 8)):
        return False
    return markers.process in ("baseline", "extended") or np.array_equal(_decoded(data, 1), _decoded(filled, 1))


def filling() -> bytes:
    """What is set before an end marker: noise, and each restart marker twice with noise behind it.

    So that the restart marker that a decoder waits for is among them.
    """
    noise = np.random.default_rng(0).integers(0, 255, (17, _FILLING_BYTES), "uint8")  # never 255
    markers = [b"", *(bytes((0xFF, 0xD0 + number % 8)) for number in range(16))]
    return b"".join(marker + row.tobytes() for marker, row in zip(markers, noise, strict=True))


def _decoded(data: bytes, shrink: int) -> np.ndarray:
    image = JpegImageFile(io.BytesIO(data))
    if shrink > 1:
        image.draft(None, (max(1, image.width // shrink), max(1, image.height // shrink)))
    return np.asarray(image)
