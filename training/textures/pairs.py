"""Two pictures of one scene: how much their difference varies, and whether they show the same at all."""

from collections.abc import Sequence

import numpy as np

from tf_denoise.noise.found import SIDE
from tf_denoise.pictures.files import to_unit

_LEAST_VALUES = 100
_ONE_SHOT = 0.99


def blocks_of(image: np.ndarray) -> np.ndarray:
    """An image `(height, width, channels)` as `(blocks, 64, channels)`: its squares of 8 x 8 pixels."""
    rows, columns = (side // SIDE for side in image.shape[:2])
    cut = image[: rows * SIDE, : columns * SIDE].reshape(rows, SIDE, columns, SIDE, -1)
    return cut.transpose(0, 2, 1, 3, 4).reshape(rows * columns, SIDE**2, -1)


def variance_between(one: np.ndarray, other: np.ndarray) -> float:
    """The variance of the difference of two pictures within blocks of 8 x 8 pixels.

    Args:
        one: `(height, width, channels)`, uint8, uint16, or floating point with white at 1.
        other: The other one, of the same shape.

    Example:
        >>> picture = np.random.default_rng(0).random((64, 64, 1))
        >>> round(variance_between(picture, picture + 0.1), 9)
        0.0
    """
    difference = to_unit(one) - to_unit(other)
    blocks = blocks_of(difference) if min(difference.shape[:2]) >= SIDE else difference[None]
    return float(blocks.astype("float64").var(axis=1).mean())


def is_one_shot(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two pictures have the same noise: one shot, stored twice, in another depth or brightness.

    What is finest in both is held against each other, the difference of neighbouring differences, where neither is
    clipped. Of one shot it has a correlation of next to 1, of two, whose noise is independent, less than 0.99, though
    they show the same texture.

    Args:
        one: `(height, width, channels)`, uint8, uint16, or floating point with white at 1.
        other: The other one, of the same shape.
    """
    if np.array_equal(one, other):
        return True
    fine, inside = [], []
    for image in (one, other):
        values = to_unit(image)
        fine.append(np.diff(np.diff(values, axis=0), axis=1))
        within = (values > 0) & (values < 1)
        inside.append(within[1:, 1:] & within[1:, :-1] & within[:-1, 1:] & within[:-1, :-1])
    where = inside[0] & inside[1]
    mine, others = (part[where].astype("float64") for part in fine)
    power = float((mine**2).sum() * (others**2).sum())
    if len(mine) < _LEAST_VALUES or not power:
        return False
    return float((mine * others).sum()) > _ONE_SHOT * np.sqrt(power)


def misfits(pairs: Sequence[tuple[np.ndarray, ...]]) -> list[int]:
    """The numbers of the pictures that do not show what their partners show, whatever noise lies on them.

    A picture fits its partner if it comes nearer to it than to the partner turned by half a turn or mirrored, or to
    another picture's partner of the same size, unless that one comes as near to its own. Of pictures with a partner
    that is none one in four fits by chance, or fewer.

    Args:
        pairs: Pictures `(height, width, channels)` of the same shape in twos, uint8, uint16, or floating point with
            white at 1.
    """
    found = []
    for number, (noisy, clean) in enumerate(pairs):
        one, partner = to_unit(noisy), to_unit(clean)
        own = _error(one, partner)
        others = [partner[::-1], partner[:, ::-1], partner[::-1, ::-1]]
        next_one = to_unit(pairs[(number + 1) % len(pairs)][1])
        if next_one.shape == one.shape and _error(next_one, partner) > own:
            others.append(next_one)
        if own > min(_error(one, other) for other in others):
            found.append(number)
    return found


def _error(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.mean((one - other) ** 2))
