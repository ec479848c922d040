"""Whether pictures have salt and pepper, or noise like it."""

import numpy as np

ALL_AT_ENDS = 0.97
"""Share of values at black and white from which on a picture is a drawing or a halftone."""
_NEAR = 0.08
"""How near to black or white a value is nearly so."""
_IMPULSES, _LEAST_IMPULSES = 0.01, 50
"""Least share, and least number, of impulses in blocks of middle brightness."""
_BOTH_ENDS = 0.1
"""Share of a block's values at either end from which on it holds both."""
_FAR, _FAR_AT_LEAST = 8.0, 0.1
"""How far from the median of its block a value lies that does not belong there: in median deviations, and beyond."""


def has_impulses(blocks: np.ndarray, lively: np.ndarray) -> bool:
    """Whether single values are black or white that do not belong there.

    One of three shows them. In blocks of middle brightness far more values are black or white than nearly so; of
    normal noise that is clipped at most four times as many, up to a deviation of half the range. In blocks that hold
    both it is so at one end at least; of normal noise at most eight times as many, up to a deviation of four fifths of
    the range. Or there are few of them, black and white ones, far from what is around them.

    Args:
        blocks: `(count, height, width, channels)` with white at 1.
        lively: Which blocks may have noise, boolean `(count,)`.
    """
    ends = [blocks == end for end in (0, 1)]
    if sum(np.count_nonzero(end) for end in ends) > ALL_AT_ENDS * blocks.size:
        return False  # a drawing, or a halftone
    near = [(blocks > 0) & (blocks < _NEAR), (blocks < 1) & (blocks > 1 - _NEAR)]
    lower, upper = np.quantile(blocks, [0.25, 0.75], axis=(1, 2, 3))
    is_middle = (lower > 0.2) & (upper < 0.8)
    at_ends, near_them = (sum(int(part[is_middle].sum()) for part in parts) for parts in (ends, near))
    if at_ends > max(_LEAST_IMPULSES, _IMPULSES * blocks[is_middle].size, 4 * near_them):
        return True
    has_both = np.minimum(*(end.mean(axis=(1, 2, 3)) for end in ends)) > _BOTH_ENDS
    count, nearly = (np.array([part[has_both & lively].sum() for part in parts]) for parts in (ends, near))
    if (count > np.maximum(nearly, _LEAST_IMPULSES)).all() and (count > 12 * nearly).any():
        return True
    return _has_few(blocks[lively], [end[lively] for end in ends], [by[lively] for by in near])


def _has_few(blocks: np.ndarray, ends: list[np.ndarray], near: list[np.ndarray]) -> bool:
    """Whether values at both ends lie far from the median of their block, and hardly any near the ends do."""
    if not len(blocks):
        return False
    away = np.abs(blocks - np.median(blocks, axis=(1, 2), keepdims=True))
    is_far = away > _FAR * np.median(away, axis=(1, 2), keepdims=True) + _FAR_AT_LEAST
    at_ends = [int((is_far & end).sum()) for end in ends]
    nearly = sum(int((is_far & by).sum()) for by in near)
    several = max(_LEAST_IMPULSES, 4 * nearly)
    return sum(at_ends) > several and min(at_ends) >= sum(at_ends) / 4
