"""What is told of pictures that are denoised all the same: other noise than was learned, parts that are not kept."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tf_denoise.noise.estimate import picture_sigma
from tf_denoise.pictures.files import shown

_SLACK = 1.1  # an estimate is off by so much where a picture has texture


def noise_remark(source: Path, values: np.ndarray, trained_range: tuple[float, float] | None) -> str | None:
    """A sentence if the noise of a picture is not what the network was trained on.

    Args:
        source: The file.
        values: Its pixels `(height, width, channels)`, as stored.
        trained_range: Least and largest deviation, in 255ths, or `None` where there was none.
    """
    white = 1.0 if values.dtype.kind == "f" else float(np.iinfo(values.dtype).max)
    if trained_range is None or (sigma := picture_sigma(values, white)) is None:
        return None
    low, high = trained_range
    if low / _SLACK - 0.5 <= 255 * sigma <= high * _SLACK:  # half a step: what rounding to 8 bits hides
        return None
    advice = "more of it may stay" if 255 * sigma > high else "fine detail may be smoothed"
    trained = f"{low:g}" if low == high else f"{low:g} to {high:.3g}"
    return (
        f"{shown(source)} has noise of a deviation of about {255 * sigma:.1f} (255ths of white); the network was "
        f"trained on {trained}: {advice}."
    )


def lost_remark(source: Path, lost: Sequence[str]) -> str | None:
    """A sentence that tells what a picture file holds and the denoised one does not.

    Example:
        >>> lost_remark("a.jpg", ["its gain map"])
        'a.jpg is denoised without its gain map, which is not kept.'
    """
    if not lost:
        return None
    *most, last = lost
    words = f"{', '.join(most)} and {last}" if most else last
    return f"{shown(source)} is denoised without {words}, which {'are' if most else 'is'} not kept."
