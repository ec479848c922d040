"""Zarr arrays and OME-Zarr as stacks: read and written a block of chunks at a time, everything else copied as it is."""

import itertools
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from tf_denoise.errors import InputError, reason
from tf_denoise.extras import require
from tf_denoise.pictures.headers import PictureError, UnsupportedError
from tf_denoise.pictures.planes import Chosen, Stack, StackHeader, check_finite, everything
from tf_denoise.pictures.zarr_metadata import copy_around, find_array
from tf_denoise.runs.writing import atomic_folder

_LETTERS = {"time": "T", "frame": "T", "channel": "C", "row": "Y", "height": "Y", "column": "X", "width": "X"}
_MOST_BYTES = 256 * 2**20
"""Of a block of chunks; of larger ones planes are read one by one, and their chunks several times."""
_COLOURS = (1, 3)


class ZarrStack(Stack):
    """The array of a Zarr folder, or the largest one of an OME-Zarr image; format 2 and 3.

    Args:
        path: The folder.
        axes: A letter for each axis where the array names none.
        fill_missing: Take missing chunks for ones of the fill value.

    Raises:
        PictureError: If zarr is not installed, or there is no array in it.
        UnsupportedError: If its axes or its type are not what they should be.
    """

    def __init__(self, path: Path, axes: str | None = None, fill_missing: bool = False):
        try:
            zarr = require("zarr")
        except InputError as error:
            raise PictureError(path, f"cannot be read: {str(error).rstrip('.')}") from None
        self._found = found = find_array(zarr, path)
        self._array, self._fill_missing = found.array, fill_missing
        shape, dtype = self._array.shape, np.dtype(self._array.dtype)
        if dtype.kind not in "uif" or dtype in ("int64", "uint64"):
            raise UnsupportedError(f"is an array of {dtype}; expected integers of 8, 16 or 32 bits, or floating point")
        letters = _letters(found.axes, axes, shape)
        self._has_samples = letters[-1] != "X"
        end = len(letters) - 2 - self._has_samples
        header = StackHeader(
            "Zarr",
            letters[:end],
            shape[:end],
            shape[end],
            shape[end + 1],
            shape[-1] if self._has_samples else 1,
            dtype.newbyteorder("="),
        )
        super().__init__(path, header, ("its smaller copies",) if found.others else ())
        self._held: tuple[tuple, np.ndarray] | None = None

    def check(self) -> None:
        """Look whether all chunks are there."""
        missing = self._array.nchunks - self._array.nchunks_initialized
        if missing and not self._fill_missing:
            raise PictureError(
                self.path,
                f"lacks {missing:,} of its {self._array.nchunks:,} chunks: restore them, or add --fill-missing to take "
                f"them for the value {self._array.fill_value}, as Zarr itself does where nothing else was stored",
            )

    def plane(self, index: int) -> np.ndarray:
        """A plane `(height, width, channels)`; the block that it lies in is held for the next one."""
        place = np.unravel_index(index, self.header.sizes) if self.header.sizes else ()
        depths = self._depths()
        starts = tuple(int(at) // depth * depth for at, depth in zip(place, depths, strict=True))
        if self._held is None or self._held[0] != starts:
            block = tuple(slice(start, start + depth) for start, depth in zip(starts, depths, strict=True))
            self._held = starts, self._read(block, index)
        inside = tuple(int(at) - start for at, start in zip(place, starts, strict=True))
        return self._held[1][inside]

    def _read(self, block: tuple[slice, ...], index: int) -> np.ndarray:
        """Planes `(..., height, width, channels)`."""
        try:
            values = np.asarray(self._array[block])
        except Exception as error:  # what a decoder raises at damaged chunks is not to be foreseen
            what = f"its plane {index} cannot be decoded: {reason(error)}"
            raise PictureError(self.path, f"is damaged: {what}") from None
        check_finite(self.path, index, values)
        values = values if self._has_samples else values[..., None]
        return values.astype(self.header.dtype, copy=False)

    def _depths(self) -> tuple[int, ...]:
        """How long a block is along each axis but those of a plane: that of shards or chunks, as far as they fit."""
        sizes = self.header.sizes
        plane = math.prod(self._array.shape[len(sizes) :]) * self.header.dtype.itemsize
        for depths in (getattr(self._array, "shards", None), self._array.chunks):
            if depths is not None:
                depths = tuple(min(depth, size) for depth, size in zip(depths, sizes, strict=False))
                if math.prod(depths) * plane <= _MOST_BYTES:
                    return depths
        return (1,) * len(sizes)

    def _blocks(self, chosen: Chosen) -> Iterator[tuple[tuple[slice, ...], tuple[slice, ...]]]:
        """Where to write and where to read, a block of chunks of the new array after the other."""
        along = []
        for places, depth in zip(chosen, self._depths(), strict=True):
            starts = range(0, len(places), depth)
            to = [slice(start, min(start + depth, len(places))) for start in starts]
            along.append([(one, slice(places.start + one.start, places.start + one.stop)) for one in to])
        for pairs in itertools.product(*along):
            yield tuple(one for one, _ in pairs), tuple(other for _, other in pairs)

    def write(self, target: Path, chosen: Chosen, change: Callable[[np.ndarray], np.ndarray]) -> None:
        """Write a folder of the same kind."""
        zarr = require("zarr")
        is_whole = chosen == everything(self.header)
        channels = dict(zip(self.header.axes, chosen, strict=True)).get("C")
        with atomic_folder(Path(target)) as folder:
            shape = (*map(len, chosen), *self._array.shape[len(chosen) :])
            copy_around(zarr, self.path, folder, self._found, None if is_whole else (shape, channels))
            written = zarr.open_array(folder / self._found.place, mode="r+")
            written = written.with_config({"write_empty_chunks": True})  # else a plane of zeros would be missing
            for to, source in self._blocks(chosen):
                first = tuple(one.start for one in source)
                number = int(np.ravel_multi_index(first, self.header.sizes)) if first else 0
                values = self._read(source, number)
                planes = values.reshape(-1, *values.shape[-3:])
                changed = np.stack([change(plane) for plane in planes]).reshape(values.shape)
                written[to] = changed if self._has_samples else changed[..., 0]


def _letters(names: tuple[str | None, ...] | None, given: str | None, shape: tuple[int, ...]) -> str:
    """A letter for each axis, those of a plane last.

    Raises:
        UnsupportedError: If they are unknown or in another order.
    """
    if not all(shape):
        raise UnsupportedError(f"holds no values: its array has the shape {shape}")
    if given is not None:
        letters = given.upper()
    elif names is not None and any(names):
        letters = "".join(_LETTERS.get(str(name).lower(), str(name or "Q")[0].upper()) for name in names)
    else:
        letters = "YX" if len(shape) == 2 else ""
    if not letters:
        raise UnsupportedError(
            f"has unknown axes: its array of shape {shape} names none; name them, such as --axes "
            f"{'TZCYX'[-len(shape) :] if len(shape) < 6 else 'Q' * (len(shape) - 2) + 'YX'}"
        )
    is_plane = letters.endswith("YX")
    is_colour = letters[-3:] in ("YXS", "YXC") and len(shape) == len(letters) and shape[-1] in _COLOURS
    repeated = {letter for letter in letters if letters.count(letter) > 1} - {"Q"}
    if len(letters) != len(shape) or repeated or not (is_plane or is_colour):
        raise UnsupportedError(
            f"has the axes {letters} and the shape {shape}; expected one letter for each, Y and X last (then S or C "
            "where a plane has 3 colours): name them by --axes"
        )
    return letters
