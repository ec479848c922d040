"""Reading and writing picture files: the one place that decodes them.

PNG, JPEG, BMP and TIFF; 8 and 16 bits, TIFF in floating point too; grey and colour. Pixels are given upright,
as the EXIF orientation has them. Sixteen bits stay sixteen bits.
"""

import dataclasses
import os
from collections.abc import Collection
from pathlib import Path

import numpy as np

from tf_denoise.errors import InputError, reason
from tf_denoise.pictures.codecs import DECODERS, ENCODERS
from tf_denoise.pictures.headers import (
    DECODABLE,
    FORMATS,
    MAX_PIXELS,
    PLAIN,
    STACK,
    PictureError,
    PictureHeader,
    UnsupportedError,
    shown,
)
from tf_denoise.pictures.inspection import inspect_picture, inspect_pictures
from tf_denoise.pictures.stacks import ZARR_FILES
from tf_denoise.runs.writing import atomic_path

__all__ = [
    "DECODABLE",
    "FORMATS",
    "MAX_PIXELS",
    "PLAIN",
    "STACK",
    "Picture",
    "PictureError",
    "PictureHeader",
    "find_pictures",
    "from_unit",
    "inspect_picture",
    "inspect_pictures",
    "read_picture",
    "shown",
    "to_unit",
    "with_channels",
    "write_picture",
]

_LUMA = (0.299, 0.587, 0.114)
_LEAST_FLOAT, _MOST_FLOAT = -1, 2  # what noise of half of white leads to


@dataclasses.dataclass(frozen=True, eq=False)
class Picture:
    """A decoded picture file, with what writing gives back.

    Attributes:
        values: `(height, width, 1 or 3)`, upright; uint8, uint16, or float32, 1 being white (noise leads beyond).
        header: What the file says of itself.
        alpha: `(height, width, 1)` of the dtype of `values`, or `None`.
        profile: The ICC colour profile, or `None`.
        exif: The EXIF data, or `None`.
        kept: What else is written into the new file as it was: an affair of the format.
        lost: What the file holds and a new one will not, in words such as `its gain map`.
    """

    values: np.ndarray
    header: PictureHeader
    alpha: np.ndarray | None = None
    profile: bytes | None = None
    exif: bytes | None = None
    kept: object = None
    lost: tuple[str, ...] = ()


def find_pictures(folder, stacks: bool = False) -> list[Path]:
    """All files in a folder and below whose suffix is a picture's, sorted by their path inside it.

    With `stacks` the folders of Zarr arrays stand among them, and nothing that lies in these.

    Suffixes in capitals count; names that begin with a dot do not. Links to folders are followed, each folder once: its
    pictures stand below its own name if it lies in the folder too.

    Raises:
        InputError: If the folder, or one in it, cannot be listed.
    """

    def refuse(error: OSError):
        raise InputError(f"The folder {shown(error.filename)} cannot be read: {error.strerror}.")

    found, to_visit, visited = [], [str(folder)], set()
    while to_visit:  # what is linked to comes after what lies there
        links, start = [], to_visit.pop(0)
        for root, folders, names in os.walk(start, onerror=refuse):
            identity = _identity(root)
            if identity in visited:
                folders.clear()
                continue
            visited.add(identity)
            if stacks and any(name in ZARR_FILES for name in names):
                found.append(root)
                folders.clear()
                continue
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            links += [path for name in folders if os.path.islink(path := os.path.join(root, name))]
            names = [n for n in names if not n.startswith(".") and os.path.splitext(n)[1].lower() in FORMATS]
            found += [os.path.join(root, name) for name in names]
        to_visit += links
    return [Path(path) for path in sorted(found, key=lambda path: path.replace(os.sep, "/"))]


def _identity(folder: str) -> tuple[int, int]:
    state = os.stat(folder)
    return state.st_dev, state.st_ino


def read_picture(path, accept: Collection[str] = PLAIN, max_pixels: int = MAX_PIXELS) -> Picture:
    """Decode a picture file. A palette is turned into colours.

    Args:
        path: A PNG, JPEG, BMP or TIFF file.
        accept: The kinds of picture wanted: `PLAIN`, or `DECODABLE` with alpha and palettes.
        max_pixels: The most pixels; judged from the header, before anything is allocated.

    Returns:
        The picture.

    Raises:
        PictureError: If `inspect_picture` refuses the file, or its pixels cannot be decoded.
    """
    path = Path(path)
    header = inspect_picture(path, accept, max_pixels=max_pixels)
    try:
        decoded = DECODERS[header.format](path)
    except UnsupportedError as error:
        raise PictureError(path, str(error)) from None
    except Exception as error:  # what a decoder raises at damaged data is not to be foreseen
        raise PictureError(path, f"cannot be decoded: {reason(error)}") from None
    pixels = decoded.pixels
    pixels = _turned(pixels if pixels.ndim == 3 else pixels[..., None], header.orientation)
    colours = header.channels
    if pixels.shape[:2] != (header.height, header.width) or pixels.shape[2] < colours:
        raise PictureError(path, f"was decoded to shape {pixels.shape}, not to {header.width} x {header.height} pixels")
    if pixels.dtype.kind == "f":
        low, high = pixels.min(), pixels.max()
        if np.isnan(low):  # of any that is
            raise PictureError(path, "holds values that are NaN; expected numbers from 0 to 1")
        if not (low >= _LEAST_FLOAT and high <= _MOST_FLOAT):
            raise PictureError(
                path,
                f"holds floating-point values from {low:g} to {high:g}; expected 0 to 1, and noise no further than "
                f"{_LEAST_FLOAT} to {_MOST_FLOAT}",
            )
        pixels = pixels.astype("float32", copy=False)
    alpha = np.ascontiguousarray(pixels[..., colours : colours + 1]) if pixels.shape[2] > colours else None
    return Picture(np.ascontiguousarray(pixels[..., :colours]), header, alpha, *decoded[1:])


def write_picture(path, values, like: Picture, quality: int = 95) -> None:
    """Write pixels in the format, bit depth and orientation of another picture, with what it says beside its pixels.

    The file is whole or absent. A palette becomes colours. What is lost stands in `like.lost`.

    Args:
        path: The file to write, whatever its suffix.
        values: `(height, width, channels)`, upright, the shape of `like.values`; of its dtype, or floating point in
            [0, 1], which is rounded to it. For a floating-point file they are written as they are.
        like: The picture that the values were made from.
        quality: JPEG quality, 1 to 100. Colours are not subsampled.

    Raises:
        ValueError: If the values have another shape or an integer type of another depth, or are NaN or infinite.
    """
    values = np.asarray(values)
    if values.shape != like.values.shape:
        raise ValueError(
            f"The values to write have shape {values.shape}; expected that of the picture, {like.values.shape}."
        )
    if values.dtype.kind == "f":
        if not np.isfinite(values).all():
            raise ValueError("The values to write are NaN or infinite in places; expected numbers from 0 to 1.")
        is_float = like.values.dtype.kind == "f"
        values = values.astype("float32", copy=False) if is_float else from_unit(values, like.values.dtype)
    elif values.dtype != like.values.dtype:
        raise ValueError(
            f"The values to write are {values.dtype}; expected {like.values.dtype}, or floating point in [0, 1]."
        )
    if like.alpha is not None:
        if getattr(like.kept, "is_premultiplied", False):  # no colour beyond its alpha that was not there before
            values = np.minimum(values, np.maximum(like.alpha, like.values))
        values = np.concatenate([values, like.alpha], axis=-1)
    back = {6: 8, 8: 6}.get(like.header.orientation, like.header.orientation)
    values = np.ascontiguousarray(_turned(values, back))
    with atomic_path(Path(path)) as temporary:
        ENCODERS[like.header.format](temporary, values, like, like.header.orientation, quality)


def to_unit(values) -> np.ndarray:
    """Stored values as float32 in [0, 1]: uint8 divided by 255, uint16 by 65,535, floating point as it is.

    Example:
        >>> to_unit(np.array([0, 51, 255], "uint8")).tolist()
        [0.0, 0.20000000298023224, 1.0]
    """
    values = np.asarray(values)
    if values.dtype.kind == "f":
        return values.astype("float32", copy=False)
    return np.divide(values, np.float32(np.iinfo(values.dtype).max), dtype="float32")


def from_unit(values, dtype) -> np.ndarray:
    """Values in [0, 1] as stored ones of `dtype`: cut off at 0 and 1, and rounded if `dtype` is an integer's.

    Example:
        >>> from_unit([-0.1, 0.2, 1.0], "uint8").tolist()
        [0, 51, 255]
    """
    values = np.clip(values, 0, 1)
    if np.dtype(dtype).kind == "f":
        return values.astype(dtype, copy=False)
    return np.round(values * np.iinfo(dtype).max).astype(dtype)


def with_channels(values: np.ndarray, channels: int) -> np.ndarray:
    """Pixels `(height, width, 1 or 3)` as ones of 1 or 3 channels, of the same dtype.

    Grey is repeated; colours become their luma (ITU-R BT.601), rounded.
    """
    if values.shape[-1] == channels:
        return values
    if channels == 3:
        return np.repeat(values, 3, axis=-1)
    luma = values @ np.array(_LUMA, "float32")
    return (luma if values.dtype.kind == "f" else np.round(luma)).astype(values.dtype)[..., None]


def _turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Stored rows turned upright."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels
