"""What a picture file says of itself: its header and whether its end is there, read without decoding a pixel."""

import dataclasses
import os
import struct
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO

import tifffile
from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.JpegImagePlugin import JpegImageFile

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".bmp": "BMP", ".tif": "TIFF", ".tiff": "TIFF"}
"""File name suffixes, in lower case, and the formats they promise."""
PLAIN = ("grey", "colour")
"""The kinds of picture that a network trains on."""
DECODABLE = (*PLAIN, "grey with alpha", "colour with alpha", "palette")
"""All kinds that can be decoded."""
MAX_PIXELS = 200_000_000
"""Larger pictures are taken for decompression bombs unless told: 600 MB in 8-bit colour."""

_MAGIC = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
}
_PNG_KINDS = {0: "grey", 2: "colour", 3: "palette", 4: "grey with alpha", 6: "colour with alpha"}
_PILLOW_KINDS = {"1": "1-bit", "L": "grey", "RGB": "colour", "RGBA": "colour with alpha", "P": "palette"}
_TIFF_KINDS = {0: "white-is-zero", 1: "grey", 2: "colour", 3: "palette", 5: "CMYK", 6: "colour", 8: "CIELAB"}
ORIENTATION_TAG = 0x0112
_TAIL = 4096


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
        return f"{self.path} {self.reason}."


@dataclasses.dataclass(frozen=True)
class PictureHeader:
    """What a picture file says of itself.

    Attributes:
        height: Pixels from top to bottom, held upright.
        width: Pixels from left to right, held upright.
        kind: One of `DECODABLE`, or what cannot be decoded: `1-bit`, `CMYK` and the like.
        bits: Bits of one value: 8, 16, or 32 for floating point.
        format: `PNG`, `JPEG`, `BMP` or `TIFF`, by the content.
        orientation: The EXIF orientation, 1 to 8: how the stored rows are turned to stand upright.
    """

    height: int
    width: int
    kind: str
    bits: int
    format: str
    orientation: int = 1

    @property
    def channels(self) -> int:
        """1 for grey, 3 for colour; alpha is none of them."""
        return 1 if self.kind.startswith("grey") else 3


def inspect_picture(
    path, accept: Collection[str] = PLAIN, least_side: int = 1, max_pixels: int = MAX_PIXELS
) -> PictureHeader:
    """Read the header of a picture file, look whether its end is there, and refuse what is not wanted.

    No pixel is decoded, save where a JPEG file has no end marker near its end: then decoding tells whether it is
    truncated or only followed by something else.

    Args:
        path: A PNG, JPEG, BMP or TIFF file.
        accept: The kinds of picture wanted.
        least_side: The least height and width in pixels.
        max_pixels: The most pixels.

    Returns:
        The header.

    Raises:
        PictureError: If the file is unreadable, empty, truncated, no picture, of another format than its suffix
            promises, too small, too large, or of a kind that is not wanted.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            return _inspect(path, file, accept, least_side, max_pixels)
    except PictureError:
        raise
    except OSError as error:
        problem = "cannot be read" if error.errno else "is damaged or truncated"
        raise PictureError(path, f"{problem}: {error.strerror or first_line(error)}") from None
    except Exception as error:  # what a damaged header raises is not to be foreseen
        raise PictureError(path, f"is damaged or truncated: {first_line(error)}") from None


def _inspect(path: Path, file: BinaryIO, accept, least_side: int, max_pixels: int) -> PictureHeader:
    size = os.fstat(file.fileno()).st_size
    if size == 0:
        raise PictureError(path, "is empty (0 bytes)")
    start = file.read(8)
    name = next((name for magic, name in _MAGIC.items() if start.startswith(magic)), None)
    if name is None:
        raise PictureError(path, "is not a picture in PNG, JPEG, BMP or TIFF format")
    if FORMATS.get(path.suffix.lower(), name) != name:
        raise PictureError(path, f"is mislabelled: its content is {name}, which {path.suffix} does not promise")
    file.seek(0)
    header, is_whole = _READERS[name](file, size)
    if header.orientation > 4:
        header = dataclasses.replace(header, height=header.width, width=header.height)
    extent = f"{header.width} x {header.height} pixels"
    if header.height * header.width > max_pixels:
        raise PictureError(
            path, f"is {extent}, more than the {max_pixels / 1e6:g} megapixels allowed (a decompression bomb?)"
        )
    if header.kind not in accept:
        raise PictureError(path, f"is a {header.kind} picture; expected {' or '.join(accept)}")
    if min(header.height, header.width) < least_side:
        raise PictureError(path, f"is tiny, {extent}; expected at least {least_side} x {least_side}")
    if header.bits not in (8, 16, 32):
        raise PictureError(path, f"has {header.bits} bits a value; expected 8 or 16, or 32-bit floating point")
    if not is_whole:
        if name == "JPEG":
            _decode_to_the_end(path, file)
        else:
            raise PictureError(path, f"is truncated: its {size:,} bytes end before the picture does")
    return header


def png_chunks(file: BinaryIO, size: int) -> tuple[dict[bytes, bytes], bool]:
    """The small chunks of a PNG file that matter here, and whether its end chunk is there."""
    wanted = (b"IHDR", b"tRNS", b"eXIf", b"iCCP")
    chunks, position = {}, 8
    while position + 12 <= size:
        file.seek(position)
        length, name = struct.unpack(">I4s", file.read(8))
        position += 12 + length
        if name == b"IEND":
            return chunks, position <= size
        if name in wanted and position <= size:
            chunks.setdefault(name, file.read(length))
    return chunks, False


def _read_png(file: BinaryIO, size: int) -> tuple[PictureHeader, bool]:
    chunks, is_whole = png_chunks(file, size)
    if b"IHDR" not in chunks:
        raise ValueError("it has no header")
    width, height, bits, colour = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    kind = _PNG_KINDS[colour]
    if kind == "grey" and bits == 1:
        kind = "1-bit"
    elif kind in PLAIN and b"tRNS" in chunks:
        kind += " with alpha" if kind == "colour" else " with a transparent value"
    return PictureHeader(height, width, kind, max(bits, 8), "PNG", _orientation(chunks.get(b"eXIf"))), is_whole


def _read_jpeg(file: BinaryIO, size: int) -> tuple[PictureHeader, bool]:
    image = JpegImageFile(file)
    kind = _PILLOW_KINDS.get(image.mode, image.mode)
    orientation = _orientation(image.info.get("exif"))
    file.seek(max(0, size - _TAIL))
    return PictureHeader(image.height, image.width, kind, 8, "JPEG", orientation), b"\xff\xd9" in file.read()


def _read_bmp(file: BinaryIO, size: int) -> tuple[PictureHeader, bool]:
    start = file.read(34)
    file.seek(0)
    image = BmpImageFile(file)
    header = PictureHeader(image.height, image.width, _PILLOW_KINDS.get(image.mode, image.mode), 8, "BMP")
    offset, header_size = struct.unpack("<II", start[10:18])
    if header_size < 40:
        return header, True  # of OS/2: decoding tells
    bits, compression = struct.unpack("<HI", start[28:34])
    rows = (image.width * bits + 31) // 32 * 4 * image.height
    return header, size >= offset + (rows if compression in (0, 3) else 1)


def _read_tiff(file: BinaryIO, size: int) -> tuple[PictureHeader, bool]:
    with tifffile.TiffFile(file) as tiff:
        page = tiff.pages[0]
        bits = page.bitspersample if isinstance(page.bitspersample, int) else max(page.bitspersample)
        kind = _TIFF_KINDS.get(int(page.photometric), str(page.photometric))
        if bits == 1:
            kind = "1-bit"
        elif kind in PLAIN and page.samplesperpixel != (colours := 1 if kind == "grey" else 3):
            alpha = page.samplesperpixel == colours + 1
            kind += " with alpha" if alpha else f" {page.samplesperpixel}-channel"
        elif kind in PLAIN and (page.dtype is None or page.dtype.kind not in "uf"):
            kind = str(page.dtype)
        if page.dtype is not None and page.dtype.kind == "f":
            bits = 32
        elif bits == 32:
            kind = "32-bit integer"
        if len(tiff.pages) > 1 and any(not other.is_reduced for other in tiff.pages[1:]):
            kind = f"{len(tiff.pages)}-page"
        tag = page.tags.get(ORIENTATION_TAG)
        orientation = tag.value if tag is not None and tag.value in range(1, 9) else 1
        ends = [start + count for start, count in zip(page.dataoffsets, page.databytecounts, strict=False)]
        header = PictureHeader(page.imagelength, page.imagewidth, kind, bits, "TIFF", orientation)
        return header, bool(ends) and max(ends) <= size


_READERS = {"PNG": _read_png, "JPEG": _read_jpeg, "BMP": _read_bmp, "TIFF": _read_tiff}


def _orientation(data: bytes | None) -> int:
    exif = Image.Exif()
    try:
        exif.load(data)
        value = exif.get(ORIENTATION_TAG, 1)
    except Exception:  # damaged EXIF data harm no pixel
        return 1
    return value if value in range(1, 9) else 1


def _decode_to_the_end(path: Path, file: BinaryIO) -> None:
    file.seek(0)
    try:
        JpegImageFile(file).load()
    except OSError as error:
        raise PictureError(path, f"is truncated: it has no end marker, and {first_line(error)}") from None


def first_line(error: Exception) -> str:
    """What an error says, in one line and without a full stop."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
