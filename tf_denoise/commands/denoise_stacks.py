"""What `python -m tf_denoise denoise` does with stacks: plane by plane into a container of the same kind."""

import dataclasses
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from tf_denoise.errors import InputError
from tf_denoise.pictures.files import DECODABLE, STACK, PictureError, PictureHeader, inspect_pictures, shown
from tf_denoise.pictures.planes import Chosen, choose, count_of, from_shares, to_shares, values_of
from tf_denoise.pictures.stacks import inspect_stack, is_zarr, open_stack

_DARK = 1 / 4
"""Values that fill less of the range of their type are told: the noise then looks weaker than it is."""


@dataclasses.dataclass(frozen=True)
class StackOptions:
    """What is said of stacks on the command line.

    Attributes:
        planes: Which planes, as Python slices; `None` takes all.
        channel: Which channel, from 0; `None` takes all.
        value_range: Black and white; `None` takes those of the type, or percentiles.
        axes: The axes of Zarr arrays that do not name theirs.
        fill_missing: Whether missing chunks are taken for the fill value.
    """

    planes: slice | None = None
    channel: int | None = None
    value_range: tuple[float, float] | None = None
    axes: str | None = None
    fill_missing: bool = False

    @property
    def given(self) -> list[str]:
        """The options that are given, as they are typed."""
        given = [name for name, value in vars(self).items() if value is not None and value is not False]
        return [f"--{name.replace('_', '-')}" for name in given]


ALL_PLANES = StackOptions()


def stack_options(
    planes: str | None,
    channel: int | None,
    value_range: tuple[float, float] | None,
    axes: str | None,
    fill_missing: bool,
) -> StackOptions:
    """The options, checked.

    Raises:
        InputError: If the planes are no slice, or black is not below white.

    Example:
        >>> stack_options("10:20", None, None, None, False).planes
        slice(10, 20, None)
    """
    chosen = None
    if planes is not None:
        found = re.fullmatch(r"(-?\d+)?(:)?(-?\d+)?", planes)
        if not found or not planes or (found[2] is None and int(planes) < 0):
            raise InputError(
                "--planes takes FIRST:END, counted from 0 and without END, as Python counts, such as 10:20, or one "
                f"number; received {planes!r}."
            )
        first, end = (None if found[place] is None else int(found[place]) for place in (1, 3))
        chosen = slice(first, end) if found[2] else slice(int(planes), int(planes) + 1)
    if value_range is not None and not value_range[0] < value_range[1]:
        low, high = value_range
        raise InputError(f"--value-range takes black and then white, black below white; received {low:g} {high:g}.")
    return StackOptions(chosen, channel, value_range, axes, fill_missing)


def inspect_sources(paths: Sequence[Path], options: StackOptions) -> list[PictureHeader | PictureError]:
    """The header of each picture and stack, or why it is refused."""
    arrays = {path for path in paths if is_zarr(path)}
    files = [path for path in paths if path not in arrays]
    found = dict(zip(files, inspect_pictures(files, (*DECODABLE, STACK)), strict=True))
    for path in arrays:
        try:
            found[path] = inspect_stack(path, options.axes, options.fill_missing)
        except PictureError as error:
            found[path] = error
    return [found[path] for path in paths]


def chosen_planes(path: Path, options: StackOptions) -> Chosen:
    """The planes of a stack that are taken.

    Raises:
        PictureError: If the options name none.
    """
    with open_stack(path, options.axes, options.fill_missing) as stack:
        try:
            return choose(stack.header, options.planes, options.channel)
        except ValueError as error:
            raise PictureError(path, str(error)) from None


@dataclasses.dataclass
class DenoisedStack:
    """What became of a stack.

    Attributes:
        remarks: What is told of it.
        noisy: Its middle plane, float32 `(height, width, channels)`, black 0 and white 1.
        denoised: What became of that.
        lost: What the new stack does not hold, in words.
    """

    remarks: list[str]
    noisy: np.ndarray
    denoised: np.ndarray
    lost: Sequence[str]


def denoise_stack(
    source: Path,
    target: Path,
    chosen: Chosen,
    options: StackOptions,
    denoise: Callable,
    on_progress: Callable[[int], None],
) -> DenoisedStack:
    """Denoise planes of a stack, one after the other, and write them, whole or not at all.

    Args:
        source: The stack.
        target: What to write.
        chosen: The planes.
        options: What is said of stacks.
        denoise: A `TiledDenoiser`, or what is called like one.
        on_progress: Called with the number of pixels that are finished.

    Raises:
        PictureError: If a plane cannot be decoded, or holds NaN or infinity.
    """
    with open_stack(source, options.axes, options.fill_missing) as stack:
        header = stack.header
        if options.value_range is None:
            low, high, told = values_of(stack, chosen)
        else:
            (low, high), told = options.value_range, "as --value-range says"
        kept: list[np.ndarray] = []
        count, done = count_of(chosen), 0

        def change(plane: np.ndarray) -> np.ndarray:
            nonlocal done
            noisy = to_shares(plane, low, high, header.white_is_zero)
            denoised = denoise(noisy, (0.0, 1.0), on_progress)
            if done == count // 2:
                kept.extend((noisy, denoised))
            done += 1
            return from_shares(denoised, plane.dtype, low, high, header.white_is_zero)

        stack.write(target, chosen, change)
        taken = "" if count == header.planes else f"{count:,} of "
        remarks = [f"{shown(source)}: {taken}{header.in_words}; black is {low:.6g} and white {high:.6g}, {told}."]
        noisy, denoised = kept
        if options.value_range is None and header.dtype.kind in "ui":
            remarks += _of_values(source, noisy, low, high, header.white_is_zero)
        return DenoisedStack(remarks, noisy, denoised, stack.lost)


def _of_values(source: Path, noisy: np.ndarray, low: float, high: float, white_is_zero: bool) -> list[str]:
    """A sentence where the values of a plane fill little of their type."""
    ends = from_shares(np.array([noisy.min(), noisy.max()]), "float64", low, high, white_is_zero)
    least, most = sorted(ends)
    if most - least >= _DARK * (high - low):
        return []
    return [
        f"{shown(source)} has values from {least:.6g} to {most:.6g} alone: the network sees little contrast and weak "
        f"noise; --value-range {least:.6g} {most:.6g} names black and white."
    ]
