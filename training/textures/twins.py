"""Whether two pictures show the same: only then is their difference noise alone, and each a target for the other."""

from collections.abc import Sequence

import numpy as np

from tf_denoise.errors import InputError
from tf_denoise.noise.found import SIDE, FoundNoise, find_noise
from tf_denoise.pictures.files import to_unit
from tf_denoise.uncertainty import residual_whiteness
from training.textures.pairs import blocks_of, is_one_shot, misfits, variance_between

MOTION_WARNING = (
    "Warning: neighbouring planes are taken for two shots of one scene. What moves or changes from one to the next is "
    "then noise to the network, and it blurs it."
)
_BRIGHTER = 16 / 255
"""Mean difference in brightness from which on two shots are not of one exposure."""
_NOISIER = 5.0
"""Quotient of the deviations of the noise of two shots from which on one of them has next to none."""
_MORE_THAN_NOISE = 1.6
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
    blocks, others = (blocks_of(to_unit(image)) for image in (one, other))
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


def check_twins(shots: Sequence[tuple[str, Twins]], noise: FoundNoise, next_plane: bool) -> None:
    """Refuse photographs of which two do not show the same, or are one shot that was stored twice.

    Each shot is the target of the other: so they have to be equally bright, and both to have noise, if not of the
    same strength. That they show the same is told by `unevenness`, of each pair and in the mean of all, where noise
    is white. Of noise that neighbours share anyway, and of salt and pepper, the autocorrelation of the difference
    is looked at, which tells less.

    Args:
        shots: Name and both shots.
        noise: What was found in the photographs.
        next_plane: Whether the other shot is the plane before in a stack.

    Raises:
        InputError: If two are the same picture, or do not show the same, or not in the same way.
    """
    partner = _PARTNERS[next_plane]
    for name, (one, other) in shots:
        if np.array_equal(one, other) or (not noise.impulses and is_one_shot(one, other)):
            raise InputError(
                f"{name} and {partner} are the same picture, or one shot stored twice; each shot needs noise of its "
                "own, or the network learns to keep it."
            )
    _check_exposure(shots, noise, next_plane)
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


def _check_exposure(shots: Sequence[tuple[str, Twins]], noise: FoundNoise, next_plane: bool) -> None:
    """Refuse shots of another brightness, or of which one has next to no noise."""
    shifts = [float(to_unit(other).mean() - to_unit(one).mean()) for _, (one, other) in shots]
    if np.mean(np.abs(shifts)) > _BRIGHTER:
        worst = int(np.argmax(np.abs(shifts)))
        way_out = "--noisy-twin next-plane takes scenes that rest: leave it out" if next_plane else "Take one exposure"
        raise InputError(
            f"{shots[worst][0]} and {_PARTNERS[next_plane]} are not equally bright (a mean difference of "
            f"{255 * abs(shifts[worst]):.0f} 255ths): each is the other's target, and what is learned would lie "
            f"between the two. {way_out}."
        )
    others = find_noise(other for _, (_, other) in shots)
    if others is None or noise.impulses or next_plane:
        return
    levels = [found.deviation for found in (noise, others)]
    if others.is_hidden or max(levels) > _NOISIER * min(levels):
        raise InputError(
            f"Of the two shots one has next to no noise, a deviation of {255 * min(levels):.1f} beside "
            f"{255 * max(levels):.1f} (255ths): as the input of the other it would be learned as it is. Name the "
            "folder of clean photographs with --clean."
        )


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


def check_clean_partners(pairs: Sequence[tuple[str, Twins]], are_clean: bool = False) -> None:
    """Refuse clean partners that are the noisy photographs themselves, or noisy, or do not show the same.

    Args:
        pairs: Name, and noisy and clean image, of some photographs.
        are_clean: Whether nothing but noise may lie between the two. Where most of them differ by more than the noise
            of the noisy one, the partners are noisy.

    Raises:
        InputError: If they are such.
    """
    if not pairs:
        return
    variances = [variance_between(noisy, clean) for _, (noisy, clean) in pairs]
    if max(variances) < 1e-9:
        raise InputError(
            f"{pairs[0][0]} and its clean partner are the same picture, and so are the others: there is no noise "
            "between them."
        )
    wrong = misfits([images for _, images in pairs])
    if 2 * len(wrong) >= len(pairs):
        raise InputError(f"{pairs[wrong[0]][0]} and its clean partner do not show the same, nor do most of the others.")
    if not are_clean:
        return
    found = [find_noise([noisy]) for _, (noisy, _) in pairs]
    expected = [
        noise.gain * float(to_unit(clean).mean()) + noise.sigma**2
        if noise is not None and noise.is_white and noise.is_even
        else np.inf
        for noise, (_, (_, clean)) in zip(found, pairs, strict=True)
    ]
    quotients = np.divide(variances, expected)
    if np.median(quotients) > _MORE_THAN_NOISE:
        worst = int(np.argmax(quotients))
        raise InputError(
            f"{pairs[worst][0]} and its clean partner, and others, differ by more than the noise that was found: a "
            f"deviation of {255 * np.sqrt(variances[worst]):.1f} where it has {255 * np.sqrt(expected[worst]):.1f}. "
            "Are the clean ones noisy themselves, or was the camera moved?"
        )
