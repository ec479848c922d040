"""Two pictures of one scene: how much their difference varies, and whether they show the same at all."""

from collections.abc import Sequence

import numpy as np

from tf_denoise.noise.found import SIDE
from tf_denoise.pictures.files import to_unit


def blocks_of(image: np.ndarray) -> np.ndarray:
    """An image `(height, width, channels)` as `(blocks, 64, channels)`: its squares of 8 x 8 pixels."""
    rows, columns = (side // SIDE for side in image.shape[:2])
    cut = image[: rows * SIDE, : columns * SIDE].reshape(rows, SIDE, columns, SIDE, -1)
    return cut.transpose(0, 2, 1, 3, 4).reshape(rows * columns, SIDE**2, -1)


def variance_between(one: np.ndarray, other: np.ndarray, *, any_contrast: bool = False) -> float:
    """The variance of the difference of two pictures within blocks of 8 x 8 pixels.

    Args:
        one: `(height, width, channels)`, uint8, uint16, or floating point with white at 1.
        other: The other one, of the same shape.
        any_contrast: Whether what another contrast explains is left out: the best multiple of the one is taken instead
            of the one itself.

    Example:
        >>> picture = np.random.default_rng(0).random((64, 64, 1))
        >>> round(variance_between(picture, 0.8 * picture + 0.1, any_contrast=True), 9)
        0.0
    """
    pictures = (to_unit(image).astype("float64") for image in (one, other))
    blocks, others = (blocks_of(image) if min(image.shape[:2]) >= SIDE else image[None] for image in pictures)
    mine, partner = (part - part.mean(axis=1, keepdims=True) for part in (blocks, others))
    power = float((mine**2).sum())
    multiple = float((mine * partner).sum()) / power if any_contrast and power else 1.0
    return float(np.mean((multiple * mine - partner) ** 2))


def show_the_same(pairs: Sequence[tuple[np.ndarray, ...]]) -> bool:
    """Whether pictures and their partners show the same, whatever noise lies on them.

    A picture fits its partner if it comes nearer to it than to the partner turned by half a turn or mirrored, or to
    another picture's partner of the same size. More than half of them have to fit; of pictures
    with a partner that is none one in four does so by chance, or fewer.

    Args:
        pairs: Pictures `(height, width, channels)` of the same shape in twos, uint8, uint16, or floating point with
            white at 1.
    """
    units = [tuple(to_unit(image) for image in pair) for pair in pairs]
    fitting = 0
    for number, (one, partner) in enumerate(units):
        next_one = units[(number + 1) % len(units)][1]
        others = [partner[::-1], partner[:, ::-1], partner[::-1, ::-1]]
        others += [next_one] if next_one.shape == one.shape else []
        fitting += _error(one, partner) <= min(_error(one, other) for other in others)
    return 2 * fitting > len(units)


def _error(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.mean((one - other) ** 2))
