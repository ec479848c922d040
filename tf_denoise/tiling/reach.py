"""How far the cut at the edge of a tile is felt, measured with the network itself."""

from collections.abc import Callable

import numpy as np

from tf_denoise.tiling.geometry import round_up

TOLERANCE = 1e-6
"""A change below this is none, where a device gives the same result for the same input: a tenth of what tiles may
differ from the whole picture."""
_DEVICE_NOISES = 3
"""A change below so many times what the device changes by itself is none either."""
_ROUNDING = 1e-7  # of the largest output: what the order of a sum changes
LENGTHS = (256, 512, 1024)
"""Distances that are looked at, one after the other."""


def measure_reach(predict: Callable, channels: int, stride: int, tolerance: float = TOLERANCE) -> int | None:
    """The distance from a cut, in pixels, from which on the output is what it is without the cut.

    A picture of noise, dark, grey and bright, is denoised whole and in two halves. The reach is where the two differ
    for the last time, over both halves and both axes. A network whose far weights count for little has a shorter reach
    than its layers allow: the receptive field is what a tolerance of 0 gives, where rounding lets one see it.

    Args:
        predict: A function of images `(batch, height, width, channels)`, float32, to outputs of the same shape.
        channels: Channels of the images.
        stride: The cut lies at a multiple of it.
        tolerance: Largest difference that counts as none. Raised where the device's own differences are larger, see
            `device_noise`: to look for more than a device repeats would find a cut everywhere.

    Returns:
        The reach, or `None` if the cut is felt everywhere, as it is by a network with attention over the whole picture.
    """
    for length in LENGTHS:
        length = round_up(length, stride)
        picture = _probe(length, max(64, round_up(64, stride)), channels)
        if length == round_up(LENGTHS[0], stride):
            tolerance = max(tolerance, _DEVICE_NOISES * device_noise(predict, picture))
        felt = seam_profile(predict, picture, length) > tolerance
        if not felt[-stride:].any():
            return int(np.flatnonzero(felt)[-1]) + 1 if felt.any() else 0
    return None


def device_noise(predict: Callable, picture: np.ndarray) -> float:
    """How far the results of a device for one picture differ: computed twice, and in a batch of two.

    A processor gives the same bits, a GPU need not: it adds up in another order, and chooses another algorithm for
    another shape.

    Args:
        predict: As in `measure_reach`.
        picture: float32 `(height, width, channels)`.
    """
    once, again, pair = (np.asarray(predict(np.stack([picture] * count))) for count in (1, 1, 2))
    return float(max(np.abs(once - again).max(), np.abs(once - pair).max()))


def seam_profile(predict: Callable, picture: np.ndarray, cut: int) -> np.ndarray:
    """How much a cut changes the output, by distance from it.

    Args:
        predict: As in `measure_reach`.
        picture: float32 `(2 * cut, width, channels)`.
        cut: Row of the cut.

    Returns:
        `(cut,)`: the largest difference in a row that lies that far from the cut, over both halves, and over the
        picture with its axes exchanged. What rounding alone may bring about is 0.
    """
    return np.maximum(*(_differences(predict, picture, cut, turned) for turned in (False, True)))


def _differences(predict: Callable, picture: np.ndarray, cut: int, turned: bool) -> np.ndarray:
    def output(rows: np.ndarray) -> np.ndarray:
        images = rows.swapaxes(0, 1) if turned else rows
        result = np.asarray(predict(np.ascontiguousarray(images[None])))[0]
        return result.swapaxes(0, 1) if turned else result

    whole = output(picture)
    upper = np.abs(whole[:cut] - output(picture[:cut])).max(axis=(1, 2))[::-1]
    lower = np.abs(whole[cut:] - output(picture[cut:])).max(axis=(1, 2))
    differences = np.maximum(upper, lower)
    return np.where(differences > _ROUNDING * np.abs(whole).max(), differences, 0)


def _probe(length: int, width: int, channels: int) -> np.ndarray:
    """Noise around white, around grey and around black, side by side: a cut beside white is felt most."""
    rng = np.random.default_rng(0)
    level = np.repeat([1.0, 0.5, 0.1, 0.9], -(-width // 4))[:width, None]
    return (level + rng.normal(0, 0.15, (2 * length, width, channels))).astype("float32")
