"""Where tiles lie along an axis, and how much each counts where they overlap. Integers and weights, no pictures."""

import itertools
import math
from typing import NamedTuple

import numpy as np


class Span(NamedTuple):
    """A stretch of pixels along an axis: from `start`, up to but not with `stop`."""

    start: int
    stop: int


def tile_spans(size: int, tile: int, overlap: int, stride: int = 1) -> list[Span]:
    """Tiles that cover an axis, as even in length as the stride allows.

    Every start is a multiple of `stride`, and so is every length but the last. Neighbours overlap by exactly
    `round_up(overlap, stride)` pixels. No tile is longer than `tile`.

    Args:
        size: Pixels along the axis.
        tile: The longest tile in pixels.
        overlap: Pixels that neighbours share, at least.
        stride: What the starts are multiples of.

    Raises:
        ValueError: If a number is out of range, or the overlap leaves nothing of a tile.

    Example:
        >>> tile_spans(100, tile=48, overlap=10, stride=8)
        [Span(start=0, stop=48), Span(start=32, stop=80), Span(start=64, stop=100)]
    """
    if min(size, tile, stride) < 1 or overlap < 0:
        raise ValueError(
            f"Tiles need a positive size, tile and stride and no negative overlap; received size={size}, tile={tile}, "
            f"overlap={overlap}, stride={stride}."
        )
    if size <= tile:
        return [Span(0, size)]
    overlap = round_up(overlap, stride)
    longest = (tile - overlap) // stride * stride
    if longest < stride:
        raise ValueError(
            f"A tile of {tile} pixels leaves nothing beside an overlap of {overlap}; expected a tile of at least "
            f"{overlap + stride} (starts are multiples of {stride}), or a smaller overlap."
        )
    count = math.ceil((size - overlap) / longest)
    step = round_up(math.ceil((size - overlap) / count), stride)
    starts = range(0, size - overlap, step)
    return [Span(start, min(start + step + overlap, size)) for start in starts]


def blend_weights(spans: list[Span], margin: int) -> list[np.ndarray]:
    """How much each tile counts at each of its pixels; over all tiles the weights of a pixel add up to 1.

    Where two tiles overlap, the weight falls linearly from the one to the other, in the middle of the overlap. The
    `margin` pixels next to a cut count nothing; a margin of half the overlap or more changes over from one pixel to
    the next.

    Args:
        spans: As `tile_spans` gives them.
        margin: Pixels at a cut that are not to be trusted.

    Returns:
        For each span a float32 array of its length.

    Example:
        >>> first, second = blend_weights([Span(0, 6), Span(2, 8)], margin=1)
        >>> first.tolist(), second.tolist()
        ([1.0, 1.0, 1.0, 0.75, 0.25, 0.0], [0.0, 0.25, 0.75, 1.0, 1.0, 1.0])
    """
    begins = [_ramp(before.stop, after.start, margin) for before, after in itertools.pairwise(spans)]
    ramps = [np.ones_like, *begins, np.zeros_like]
    places = [np.arange(*span) + 0.5 for span in spans]
    return [(ramps[index](x) - ramps[index + 1](x)).astype("float32") for index, x in enumerate(places)]


def round_up(value: int, multiple: int) -> int:
    """The next multiple.

    Example:
        >>> round_up(17, 8), round_up(16, 8)
        (24, 16)
    """
    return -(-value // multiple) * multiple


def _ramp(last: int, first: int, margin: int):
    """From 0 to 1 in the middle of an overlap from `first` to `last`."""
    centre, half = (first + last) / 2, (last - first) / 2 - margin
    if half <= 0:
        return lambda x: (x > centre).astype(float)
    return lambda x: np.clip((x - centre) / (2 * half) + 0.5, 0, 1)


QUARTER = 1
"""The bit of a turn that makes columns of rows."""


def turned(images: np.ndarray, turn: int) -> np.ndarray:
    """One of the eight flips and turns of images `(..., height, width, channels)`, as a view.

    Args:
        images: The images.
        turn: From 0, which leaves them as they are, to 7.

    Example:
        >>> turned(np.arange(6).reshape(2, 3, 1), 1)[..., 0].tolist()
        [[0, 3], [1, 4], [2, 5]]
    """
    if turn & QUARTER:
        images = images.swapaxes(-3, -2)
    if turn & 2:
        images = images[..., ::-1, :, :]
    if turn & 4:
        images = images[..., ::-1, :]
    return images


def turned_back(images: np.ndarray, turn: int) -> np.ndarray:
    """What `turned` made, as it was before, as a view."""
    if turn & 4:
        images = images[..., ::-1, :]
    if turn & 2:
        images = images[..., ::-1, :, :]
    return images.swapaxes(-3, -2) if turn & QUARTER else images
