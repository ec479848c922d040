"""Looking at a picture file: its header and whether its end is there, without decoding a pixel."""

import dataclasses
import os
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

from tf_denoise.errors import reason
from tf_denoise.pictures import bmp, jpeg, png, tiff
from tf_denoise.pictures.headers import (
    FORMATS,
    MAX_PIXELS,
    PLAIN,
    STACK,
    PictureError,
    PictureHeader,
    UnsupportedError,
)
from tf_denoise.pictures.stacks import inspect_stack, is_zarr

_THREADS, _AT_ONCE = 8, 128  # threads that read headers, and files that each takes at a time
_MAGIC = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
}
_READERS = {"PNG": png.read_header, "JPEG": jpeg.read_header, "BMP": bmp.read_header, "TIFF": tiff.read_header}


def inspect_picture(
    path, accept: Collection[str] = PLAIN, least_side: int = 1, max_pixels: int = MAX_PIXELS
) -> PictureHeader:
    """Read the header of a picture file, look whether its end is there, and refuse what is not wanted.

    No pixel is decoded.

    Args:
        path: A PNG, JPEG, BMP or TIFF file; with `STACK` wanted a TIFF stack or the folder of a Zarr array, too.
        accept: The kinds of picture wanted.
        least_side: The least height and width in pixels.
        max_pixels: The most pixels.

    Returns:
        The header.

    Raises:
        PictureError: If the file is unreadable, empty, truncated, not a picture, of another format than its suffix
            promises, too small, too large, or of a kind that is not wanted or not supported.
    """
    path = Path(path)
    if STACK in accept and is_zarr(path):
        return inspect_stack(path, least_side=least_side, max_pixels=max_pixels)
    try:
        with open(path, "rb") as file:
            return _inspect(path, file, accept, least_side, max_pixels)
    except PictureError:
        raise
    except UnsupportedError as error:
        raise PictureError(path, str(error)) from None
    except OSError as error:
        problem = "cannot be read" if error.errno else "is damaged or truncated"
        raise PictureError(path, f"{problem}: {error.strerror or reason(error)}") from None
    except Exception as error:  # what a damaged header raises is not to be foreseen
        raise PictureError(path, f"is damaged or truncated: {reason(error)}") from None


def inspect_pictures(
    paths: Iterable[Path], accept: Collection[str] = PLAIN, least_side: int = 1
) -> list[PictureHeader | PictureError]:
    """`inspect_picture` of many files at the same time: the header of each, or why it is refused."""

    def inspect(some: Sequence[Path]) -> list[PictureHeader | PictureError]:
        found: list[PictureHeader | PictureError] = []
        for path in some:
            try:
                found.append(inspect_picture(path, accept, least_side))
            except PictureError as error:
                found.append(error)
        return found

    paths = list(paths)
    some = [paths[start : start + _AT_ONCE] for start in range(0, len(paths), _AT_ONCE)]
    with ThreadPoolExecutor(_THREADS) as pool:
        return [one for found in pool.map(inspect, some) for one in found]


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
    header, problem = _READERS[name](file, size)
    if STACK in accept and header.planes is not None:
        return inspect_stack(path, least_side=least_side, max_pixels=max_pixels)
    if header.orientation > 4:
        header = dataclasses.replace(header, height=header.width, width=header.height)
    extent = f"{header.width} x {header.height} pixels"
    if header.height * header.width > max_pixels:
        raise PictureError(
            path, f"is {extent}, more than the {max_pixels / 1e6:g} megapixels allowed (a decompression bomb?)"
        )
    wanted = [kind for kind in accept if kind != STACK]
    if header.kind not in wanted:
        article = "an" if header.kind[0] in "aeiou" else "a"
        raise PictureError(path, f"is {article} {header.kind} picture; expected {' or '.join(wanted)}")
    if min(header.height, header.width) < least_side:
        raise PictureError(path, f"is tiny, {extent}; expected at least {least_side} x {least_side}")
    if header.bits not in (8, 16, 32):
        raise PictureError(path, f"has {header.bits} bits a value; expected 8 or 16, or 32-bit floating point")
    if problem:
        raise PictureError(path, problem)
    return header
