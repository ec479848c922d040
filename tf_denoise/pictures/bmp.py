"""BMP files."""

import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL.BmpImagePlugin import BmpImageFile
from PIL.Image import fromarray

from tf_denoise.pictures.headers import Decoded, PictureHeader, UnsupportedError

_KINDS = {"1": "1-bit", "L": "grey", "RGB": "colour", "RGBA": "colour with alpha", "P": "palette"}
_EMBEDDED_PROFILE = b"DEBM"


def read_header(file: BinaryIO, size: int) -> tuple[PictureHeader, str | None]:
    """The header, and what is wrong with the file if it ends too early."""
    start = file.read(34)
    file.seek(0)
    try:
        image = BmpImageFile(file)
    except OSError as error:
        if str(error).startswith("Unsupported"):
            raise UnsupportedError(f"is not supported: {error}") from None
        raise
    header = PictureHeader(image.height, image.width, _KINDS.get(image.mode, image.mode), 8, "BMP")
    offset, header_size = struct.unpack("<II", start[10:18])
    if header_size < 40:
        return header, None  # of OS/2: decoding tells
    bits, compression = struct.unpack("<HI", start[28:34])
    rows = (image.width * bits + 31) // 32 * 4 * image.height
    is_whole = size >= offset + (rows if compression in (0, 3) else 1)
    return header, None if is_whole else f"is truncated: its {size:,} bytes end before the picture does"


def decode(path: Path) -> Decoded:
    """The pixels; kept is the resolution."""
    with open(path, "rb") as file:
        start = file.read(138)
        file.seek(0)
        image = BmpImageFile(file)
        pixels = np.asarray(image.convert("RGB") if image.mode == "P" else image)
        header_size = struct.unpack("<I", start[14:18])[0]
        has_profile = header_size >= 124 and start[70:74] == _EMBEDDED_PROFILE
        return Decoded(pixels, kept=image.info.get("dpi"), lost=("its embedded colour profile",) if has_profile else ())


def encode(path: Path, values: np.ndarray, like, orientation: int, quality: int) -> None:
    """Write the pixels, with the resolution of `like`."""
    options = {"dpi": like.kept} if like.kept else {}
    fromarray(values[..., 0] if values.shape[-1] == 1 else values).save(path, "BMP", **options)
