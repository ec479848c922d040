"""Stacks of any kind: looked at, opened, and single planes of them as pictures."""

import os
import threading
from pathlib import Path

import numpy as np

from tf_denoise.errors import reason
from tf_denoise.pictures.headers import MAX_PIXELS, PictureError, PictureHeader, UnsupportedError
from tf_denoise.pictures.planes import Stack, everything, to_shares, values_of
from tf_denoise.pictures.tiff_stacks import TiffStack

ZARR_FILES = ("zarr.json", ".zarray", ".zgroup")
"""One of these stands in a folder that is a Zarr array or a group of such."""
_OPEN = 4
_lock = threading.RLock()
_opened: dict[tuple, tuple[Stack, tuple[float, float]]] = {}


def is_zarr(path) -> bool:
    """Whether a path is a folder that holds a Zarr array or a group of such."""
    return any(os.path.isfile(os.path.join(path, name)) for name in ZARR_FILES)


def open_stack(path, axes: str | None = None, fill_missing: bool = False) -> Stack:
    """Open a stack: a TIFF file of several planes, or the folder of a Zarr array.

    Args:
        path: The file or folder.
        axes: A letter for each axis of a Zarr array that does not name them, such as `TYX`.
        fill_missing: Take chunks that a Zarr array lacks for ones of its fill value.

    Raises:
        PictureError: If it is none, damaged, or of a kind that is not taken.
    """
    path = Path(path)
    try:
        if os.path.isdir(path):
            from tf_denoise.pictures.zarr_stacks import ZarrStack

            return ZarrStack(path, axes, fill_missing)
        return TiffStack(path)
    except PictureError:
        raise
    except UnsupportedError as error:
        raise PictureError(path, str(error)) from None
    except OSError as error:
        raise PictureError(path, f"cannot be read: {error.strerror or reason(error)}") from None
    except Exception as error:  # what damaged metadata raise is not to be foreseen
        raise PictureError(path, f"is damaged or truncated: {reason(error)}") from None


def inspect_stack(
    path, axes: str | None = None, fill_missing: bool = False, least_side: int = 1, max_pixels: int = MAX_PIXELS
) -> PictureHeader:
    """Look at a stack, and whether all its planes are there; none is decoded.

    Args:
        path: The file or folder.
        axes: As for `open_stack`.
        fill_missing: As for `open_stack`.
        least_side: The least height and width of a plane.
        max_pixels: The most pixels of a plane.

    Returns:
        The header of a plane, with the number of planes.

    Raises:
        PictureError: As `open_stack` does, and if planes are ragged, missing, too small or too large.
    """
    with open_stack(path, axes, fill_missing) as stack:
        header = stack.header
        extent = f"{header.width} x {header.height} pixels"
        if header.height * header.width > max_pixels:
            raise PictureError(path, f"has planes of {extent}, more than the {max_pixels / 1e6:g} megapixels allowed")
        if min(header.height, header.width) < least_side:
            raise PictureError(path, f"has tiny planes, {extent}; expected at least {least_side} x {least_side}")
        try:
            stack.check()
        except PictureError:
            raise
        except UnsupportedError as error:
            raise PictureError(path, str(error)) from None
        except Exception as error:
            raise PictureError(path, f"is damaged or truncated: {reason(error)}") from None
        return header.as_picture()


def read_plane(path, index: int) -> np.ndarray:
    """A plane of a stack as a picture `(height, width, 1 or 3)`: uint8 and uint16 as stored, others as float32.

    Of these black is 0 and white 1, where `values_of` finds them in the whole stack. Some stacks are held open; any
    thread may ask.

    Raises:
        PictureError: If it cannot be decoded.
    """
    path = Path(path)
    with _lock:
        stack, (low, high) = _held(path)
        values = stack.plane(index)
    if stack.header.dtype in ("uint8", "uint16") and not stack.header.white_is_zero:
        return values
    return to_shares(values, low, high, stack.header.white_is_zero)


def _held(path: Path) -> tuple[Stack, tuple[float, float]]:
    try:
        state = os.stat(path)
    except OSError as error:
        raise PictureError(path, f"cannot be read: {error.strerror}") from None
    key = str(path), state.st_mtime_ns, state.st_size
    if key not in _opened:
        while len(_opened) >= _OPEN:
            _opened.pop(next(iter(_opened)))[0].close()
        stack = open_stack(path)
        _opened[key] = stack, values_of(stack, everything(stack.header))[:2]
    return _opened[key]
