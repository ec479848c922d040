"""What stacks of all containers share: axes, which planes are chosen, and values as shares of black to white."""

import abc
import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from tf_denoise.pictures.headers import PictureError, PictureHeader

Chosen = tuple[range, ...]
"""The planes that are taken: a range along every axis but those of a plane."""
LOOKED_AT = 16
"""Planes of floating point whose values are looked at to find black and white, spread evenly over the stack."""
BLACK_AND_WHITE = (0.1, 99.9)
"""Percentiles of their values that are black and white."""
_VALUES = 1 << 16  # of a plane that is looked at


@dataclasses.dataclass(frozen=True)
class StackHeader:
    """What a stack says of itself.

    Attributes:
        format: `TIFF`, `ImageJ TIFF`, `OME-TIFF` or `Zarr`.
        axes: A letter for each axis but those of a plane, such as `TZC`; `I` are pages, `Q` is unknown.
        sizes: How long these are.
        height: Rows of a plane.
        width: Columns of a plane.
        channels: 1, or 3 of planes in colour.
        dtype: The type of the values.
        white_is_zero: Whether small values are bright.
    """

    format: str
    axes: str
    sizes: tuple[int, ...]
    height: int
    width: int
    channels: int
    dtype: np.dtype
    white_is_zero: bool = False

    @property
    def planes(self) -> int:
        """How many planes there are."""
        return math.prod(self.sizes)

    @property
    def in_words(self) -> str:
        """One phrase: `12 planes (T 2, Z 3, C 2) of 36 x 40 pixels, uint16`."""
        lengths = ", ".join(f"{axis} {size}" for axis, size in zip(self.axes, self.sizes, strict=True))
        lengths = f" ({lengths})" if lengths else ""
        colour = " in colour" if self.channels == 3 else ""
        plural = "" if self.planes == 1 else "s"
        return f"{self.planes:,} plane{plural}{lengths} of {self.width} x {self.height} pixels{colour}, {self.dtype}"

    def as_picture(self) -> PictureHeader:
        """The same as the header of a picture, with the bits that `read_plane` gives."""
        kind = "colour" if self.channels == 3 else "grey"
        as_stored = self.dtype in ("uint8", "uint16") and not self.white_is_zero
        bits = 8 * self.dtype.itemsize if as_stored else 32
        return PictureHeader(self.height, self.width, kind, bits, self.format, planes=self.planes)


class Stack(abc.ABC):
    """An open stack: planes are read when they are asked for. It is a context manager, for one thread at a time.

    Args:
        path: The file or folder.
        header: What it says of itself.

    Attributes:
        lost: What it holds and a new one will not, in words.
    """

    def __init__(self, path: Path, header: StackHeader, lost: Sequence[str] = ()):
        self.path, self.header, self.lost = path, header, tuple(lost)

    @abc.abstractmethod
    def check(self) -> None:
        """Look whether all planes are there and alike, without decoding one.

        Raises:
            PictureError: If they are not.
        """

    @abc.abstractmethod
    def plane(self, index: int) -> np.ndarray:
        """A plane `(height, width, channels)` as it is stored; `index` counts the last axis first.

        Raises:
            PictureError: If it cannot be decoded.
        """

    @abc.abstractmethod
    def write(self, target: Path, chosen: Chosen, change: Callable[[np.ndarray], np.ndarray]) -> None:
        """Write the chosen planes into a container of the same kind, each changed, whole or not at all.

        Args:
            target: The file or folder to write.
            chosen: As `choose` gives them.
            change: Function of a plane `(height, width, channels)` that gives one of the same shape and type.

        Raises:
            PictureError: If a plane cannot be decoded.
        """

    def close(self) -> None:
        """Close what is open."""
        return

    def __enter__(self) -> "Stack":
        """The stack itself."""
        return self

    def __exit__(self, *_) -> None:
        """Close it."""
        self.close()

    def indices(self, chosen: Chosen) -> Iterator[int]:
        """The numbers of the chosen planes, the last axis first."""
        steps = [math.prod(self.header.sizes[axis + 1 :]) for axis in range(len(chosen))]

        def walk(axis: int, start: int) -> Iterator[int]:
            if axis == len(chosen):
                yield start
                return
            for place in chosen[axis]:
                yield from walk(axis + 1, start + place * steps[axis])

        return walk(0, 0)


def everything(header: StackHeader) -> Chosen:
    """All planes."""
    return tuple(range(size) for size in header.sizes)


def count_of(chosen: Chosen) -> int:
    """How many planes are chosen."""
    return math.prod(map(len, chosen))


def choose(header: StackHeader, planes: slice | None = None, channel: int | None = None) -> Chosen:
    """The planes that `--planes` and `--channel` name.

    Args:
        header: That of the stack.
        planes: Which, counted along all axes but that of channels, as Python counts; `None` takes all.
        channel: Which channel, from 0; `None` takes all.

    Raises:
        ValueError: If there are none, or they make no stack of their own; the reason of a `PictureError`.

    Example:
        >>> header = StackHeader("OME-TIFF", "TZC", (4, 5, 2), 64, 64, 1, np.dtype("uint8"))
        >>> choose(header, slice(5, 15), channel=1)
        (range(1, 3), range(0, 5), range(1, 2))
    """
    chosen = list(everything(header))
    if channel is not None:
        axis = header.axes.find("C")
        count = header.sizes[axis] if axis >= 0 else 1
        if not 0 <= channel < count:
            there = f"channels 0 to {count - 1}" if axis >= 0 and count > 1 else "one channel, 0"
            raise ValueError(f"has {there}; received --channel {channel}")
        if axis >= 0:
            chosen[axis] = range(channel, channel + 1)
    if planes is None:
        return tuple(chosen)
    counted = [axis for axis, letter in enumerate(header.axes) if letter != "C"]
    lengths = [header.sizes[axis] for axis in counted]
    count = math.prod(lengths)
    start, stop, _ = planes.indices(count)
    words = f"--planes {'' if planes.start is None else planes.start}:{'' if planes.stop is None else planes.stop}"
    if start >= stop:
        raise ValueError(f"has {count:,} planes, counted from 0, and none of them lies in {words}")
    for place, axis in enumerate(counted):
        inner = math.prod(lengths[place + 1 :])
        first, last = start // inner, (stop - 1) // inner
        chosen[axis] = range(first, last + 1)
        start, stop = start - first * inner, stop - first * inner
        if first == last:
            continue
        if start % inner or stop % inner:
            of = ", ".join(f"{header.axes[axis]} {header.sizes[axis]}" for axis in counted)
            raise ValueError(
                f"has planes along {of}, and {words} is no block of these: choose whole multiples of {inner}, or "
                f"planes of one {header.axes[axis]}"
            )
        break
    return tuple(chosen)


def next_planes(header: StackHeader) -> list[tuple[int, int]]:
    """Planes and those that follow them in time, of the same channel and depth; without time in depth, or as pages.

    Example:
        >>> next_planes(StackHeader("OME-TIFF", "TC", (3, 2), 64, 64, 1, np.dtype("uint8")))
        [(0, 2), (1, 3), (2, 4), (3, 5)]
    """
    letters = [letter for letter, size in zip(header.axes, header.sizes, strict=True) if size > 1 and letter != "C"]
    letter = min(letters, key=lambda one: "TZ".find(one) % 3, default=None)
    if letter is None:
        return []
    axis = header.axes.index(letter)
    size, step = header.sizes[axis], math.prod(header.sizes[axis + 1 :])
    return [(number, number + step) for number in range(header.planes) if number // step % size < size - 1]


def values_of(stack: Stack, chosen: Chosen) -> tuple[float, float, str]:
    """Black and white of a stack, and where they come from in words.

    They are the range of an integer type, or percentiles of some planes of floating point.

    Raises:
        PictureError: If a plane cannot be decoded, or holds NaN or infinity.
    """
    dtype = stack.header.dtype
    if dtype.kind in "ui":
        range_of_type = np.iinfo(dtype)
        return float(range_of_type.min), float(range_of_type.max), f"the range of {dtype}"
    numbers = list(stack.indices(chosen)) if count_of(chosen) <= LOOKED_AT else _spread(stack, chosen)
    found = []
    for number in numbers:
        values = stack.plane(number).ravel()
        found.append(values[:: max(1, values.size // _VALUES)].astype("float64"))
    low, high = np.percentile(np.concatenate(found), BLACK_AND_WHITE)
    share = f"percentiles {BLACK_AND_WHITE[0]:g} and {BLACK_AND_WHITE[1]:g} of the values"
    words = share if len(numbers) == count_of(chosen) else f"{share} of {len(numbers)} planes"
    return (float(low), float(high), words) if low < high else (float(low), float(low) + 1.0, words)


def _spread(stack: Stack, chosen: Chosen) -> list[int]:
    """Planes at equal distances, without a list of all."""
    wanted = set(np.linspace(0, count_of(chosen) - 1, LOOKED_AT).astype(int).tolist())
    return [number for place, number in enumerate(stack.indices(chosen)) if place in wanted]


def check_finite(path: Path, number: int, values: np.ndarray) -> None:
    """Refuse a plane with values that are none.

    Raises:
        PictureError: If there are any.
    """
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise PictureError(path, f"holds NaN or infinity in its plane {number}; expected numbers")


def to_shares(values: np.ndarray, low: float, high: float, white_is_zero: bool = False) -> np.ndarray:
    """Stored values as float32, 0 for black and 1 for white; noise leads beyond.

    Example:
        >>> to_shares(np.array([-100, 0, 300], "int16"), low=-100, high=300).tolist()
        [0.0, 0.25, 1.0]
    """
    shares = ((values.astype("float64") - low) / (high - low)).astype("float32")
    return 1 - shares if white_is_zero else shares


def from_shares(shares: np.ndarray, dtype, low: float, high: float, white_is_zero: bool = False) -> np.ndarray:
    """The reverse of `to_shares`: integers are rounded and cut off at the ends of their type, not at black and white.

    Example:
        >>> from_shares(np.array([-1.0, 0.5, 1.5]), "uint8", low=0, high=100).tolist()
        [0, 50, 150]
    """
    dtype = np.dtype(dtype)
    shares = 1 - shares if white_is_zero else shares
    values = np.asarray(shares, "float64") * (high - low) + low
    if dtype.kind == "f":
        return values.astype(dtype)
    ends = np.iinfo(dtype)
    return np.clip(np.round(values), ends.min, ends.max).astype(dtype)
