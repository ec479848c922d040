"""Whether two shots show the same: only then is their difference noise alone, and each a target for the other."""

from collections.abc import Sequence

import numpy as np

from tf_denoise.errors import InputError
from tf_denoise.noise.found import SIDE, FoundNoise
from tf_denoise.pictures.files import to_unit
from tf_denoise.uncertainty import residual_whiteness

MOTION_WARNING = (
    "Warning: neighbouring planes are taken for two shots of one scene. What moves or changes from one to the next is "
    "then noise to the network, and it blurs it."
)
_OF_ONE, _OF_ALL, _SURE = 1.25, 1.15, 4.0
_STRUCTURE = 0.2
_AS_NOISE = "times as much from place to place as noise does"
_CLIPPED_BLOCK = 0.02
_LEAST_BLOCKS = 16

Twins = tuple[np.ndarray, ...]
"""Both shots, `(height, width, channels)` each: uint8, uint16, or floating point with white at 1."""


def unevenness(one: np.ndarray, other: np.ndarray) -> tuple[float, int]:
    """How much more the difference of two shots varies from place to place than white noise does.

    What is left of the difference where the mean brightness explains it, as another exposure does, is looked at in
    blocks that are not clipped.

    Formula:
        ```
        64 * variance of the means of 8 x 8 blocks / variance within the blocks,   the mean over channels
        ```
        It is 1 for white noise, with a standard error of `sqrt(2 / blocks)`: 0.93 to 1.08 for shots of photographs of
        320 x 320 pixels. With noise of a deviation of 5 to 50 (255ths) on either, other photographs of the same asphalt
        have 1.4 to 40, other scenes under noise of 5 to 25 have 33 and more. Where nearly all blocks are clipped it
        tells little.

    Args:
        one: A shot `(height, width, channels)`.
        other: The other one, of the same shape.

    Returns:
        The quotient and the number of blocks; `(1.0, 0)` where there is too little to look at.
    """
    blocks, others = (_blocks(to_unit(image)) for image in (one, other))
    clipped = [((part <= 0) | (part >= 1)).mean(axis=1) for part in (blocks, others)]
    within = np.max(clipped, axis=0) <= _CLIPPED_BLOCK
    found = []
    for channel, usable in enumerate(within.T):
        if usable.sum() < _LEAST_BLOCKS:
            continue
        mine, partner = (part[usable, :, channel].astype("float64") for part in (blocks, others))
        difference = mine - partner
        means, light = difference.mean(axis=1), (mine + partner).mean(axis=1)
        explained = np.polynomial.Polynomial.fit(light, means, 1)(light) if np.ptp(light) > 0 else means.mean()
        inside = difference.var(axis=1, ddof=1).mean()
        found.append((SIDE**2 * np.mean((means - explained) ** 2) / inside if inside else 1.0, len(means)))
    if not found:
        return 1.0, 0
    return float(np.mean([value for value, _ in found])), int(np.mean([count for _, count in found]))


def _blocks(image: np.ndarray) -> np.ndarray:
    """`(blocks, 64, channels)`."""
    rows, columns = (side // SIDE for side in image.shape[:2])
    cut = image[: rows * SIDE, : columns * SIDE].reshape(rows, SIDE, columns, SIDE, -1)
    return cut.transpose(0, 2, 1, 3, 4).reshape(rows * columns, SIDE**2, -1)


def check_twins(shots: Sequence[tuple[str, Twins]], noise: FoundNoise, next_plane: bool) -> None:
    """Refuse photographs of which two do not show the same.

    White noise is told by `unevenness`, of each pair and in the mean of all. Of noise that neighbours share anyway, and
    of salt and pepper, the autocorrelation of the difference is looked at, which tells less.

    Args:
        shots: Name and both shots.
        noise: What was found in the photographs.
        next_plane: Whether the other shot is the plane before in a stack.

    Raises:
        InputError: If two are the same picture, or do not show the same.
    """
    partner = _PARTNERS[next_plane]
    for name, (one, other) in shots:
        if np.array_equal(one, other):
            raise InputError(
                f"{name} and {partner} are the same picture; each shot needs noise of its own, or the network learns "
                "to keep it."
            )
    if not noise.is_white:
        _check_shared(shots, noise, next_plane)
        return
    found = [(name, *unevenness(one, other)) for name, (one, other) in shots]
    expected = _expected(noise.along_rows) * _expected(noise.along_columns)
    counts = np.array([count for _, _, count in found])
    values = np.array([value for _, value, _ in found])
    if not counts.sum():
        _check_shared(shots, noise, next_plane)
        return
    bounds = expected * (_OF_ONE + _SURE * np.sqrt(2 / np.maximum(counts, 1)))
    mean = float(np.average(values, weights=counts))
    worst = int(np.argmax(np.where(counts > 0, values / bounds, 0)))
    together = expected * (_OF_ALL + _SURE * np.sqrt(2 / counts.sum()))
    if values[worst] > bounds[worst]:
        _refuse(f"{found[worst][0]} and {partner}", f"it varies {values[worst]:,.1f} {_AS_NOISE}", next_plane)
    if mean > together:
        pairs = f"{found[worst][0]} and {partner}, and others like them,"
        _refuse(pairs, f"in the mean it varies {mean:.2f} {_AS_NOISE}", next_plane)


def _expected(along: Sequence[float]) -> float:
    """What neighbours that share a little of the noise add to the quotient, along one axis."""
    return 1 + 2 * sum(max(0.0, rho) * (1 - lag / SIDE) for lag, rho in enumerate(along, 1))


def _check_shared(shots: Sequence[tuple[str, Twins]], noise: FoundNoise, next_plane: bool) -> None:
    """Refuse the pair whose difference neighbours share more of than of the noise, in rows and in columns."""
    allowed = [max(0.0, rho[0]) + _STRUCTURE for rho in (noise.along_columns, noise.along_rows)]
    for name, (one, other) in shots:
        found = residual_whiteness(to_unit(one), to_unit(other)).autocorrelation
        middle = len(found) // 2
        below, beside = found[middle + 1, middle], found[middle, middle + 1]
        if below > allowed[0] and beside > allowed[1]:
            pair = f"{name} and {_PARTNERS[next_plane]}"
            _refuse(pair, f"neighbours in a row share {beside:.2f} of it", next_plane)


_PARTNERS = {False: "its twin", True: "the plane before"}


def _refuse(pair: str, found: str, next_plane: bool) -> None:
    if next_plane:
        raise InputError(
            f"{pair} do not show the same: their difference has structure ({found}), so something moves; --noisy-twin "
            "next-plane would blur it: leave it out."
        )
    raise InputError(
        f"{pair} do not show the same: their difference has structure ({found}), where that of two shots is noise. Was "
        "the camera or the scene moved? Move both away."
    )
