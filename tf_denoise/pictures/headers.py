"""What the readers of all formats share: what a picture file says of itself, and the error for one that is refused."""

import dataclasses
from typing import NamedTuple

import numpy as np
from PIL import Image

from tf_denoise.errors import as_sentence, printable

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".bmp": "BMP", ".tif": "TIFF", ".tiff": "TIFF"}
"""File name suffixes, in lower case, and the formats they promise."""
PLAIN = ("grey", "colour")
"""The kinds of picture that a network trains on."""
DECODABLE = (*PLAIN, "grey with alpha", "colour with alpha", "palette")
"""All kinds that can be decoded."""
STACK = "stack"
"""Stands among the kinds that are wanted where files of many planes are taken: TIFF stacks and Zarr arrays."""
MAX_PIXELS = 200_000_000
"""Larger pictures are taken for decompression bombs by default: 600 MB in 8-bit colour."""
ORIENTATION_TAG = 0x0112


class PictureError(ValueError):
    """A picture file that cannot be taken. The message is one sentence: the file, and what is wrong with it.

    Args:
        path: The file.
        reason: The sentence without its subject and its full stop, such as `is empty (0 bytes)`.
    """

    def __init__(self, path, reason: str):
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        """The sentence."""
        return as_sentence(f"{self.path} {self.reason}")


class UnsupportedError(ValueError):
    """What a reader raises for a sound file that it does not support; the message is the reason of a `PictureError`."""


@dataclasses.dataclass(frozen=True)
class PictureHeader:
    """What a picture file says of itself.

    Attributes:
        height: Pixels from top to bottom, held upright.
        width: Pixels from left to right, held upright.
        kind: One of `DECODABLE`, or what cannot be decoded: `1-bit`, `CMYK` and the like.
        bits: Bits of one value: 8, 16, or 32 for floating point.
        format: `PNG`, `JPEG`, `BMP` or `TIFF`, by the content; of a stack its container.
        orientation: The EXIF orientation, 1 to 8: how the stored rows are turned to stand upright.
        planes: Planes of a stack, or `None` of a single picture.
    """

    height: int
    width: int
    kind: str
    bits: int
    format: str
    orientation: int = 1
    planes: int | None = dataclasses.field(default=None, repr=False)  # runs of older versions hash what is shown

    @property
    def channels(self) -> int:
        """1 for grey, 3 for colour; alpha is none of them."""
        return 1 if self.kind.startswith("grey") else 3


class Decoded(NamedTuple):
    """What a decoder gives.

    Attributes:
        pixels: `(height, width)` or `(height, width, channels)` as stored, alpha last.
        profile: The ICC colour profile, or `None`.
        exif: The EXIF data, or `None`.
        kept: What the encoder of the format puts into the new file as it was: its own affair.
        lost: What the file holds and the new one will not, in words.
    """

    pixels: np.ndarray
    profile: bytes | None = None
    exif: bytes | None = None
    kept: object = None
    lost: tuple[str, ...] = ()


def orientation_of(exif_data: bytes | None) -> int:
    """The orientation that EXIF data name, 1 to 8; 1 where they name none or are damaged."""
    exif = Image.Exif()
    try:
        exif.load(exif_data)
        value = exif.get(ORIENTATION_TAG, 1)
    except Exception:  # damaged EXIF data harm no pixel
        return 1
    return value if value in range(1, 9) else 1


def shown(path) -> str:
    """A path as text that every terminal and file can hold: bytes that are not UTF-8 are shown as `\\xff`.

    Example:
        >>> shown("caf\\udce9.png")
        'caf\\\\xe9.png'
    """
    return printable(path)
