"""Which share of the clean values lies in the intervals of a denoiser: over all, and where it is not what it should be.

Pictures are the unit: a share is formed in each picture, and what is given is their mean and its 95 % interval.
"""

import dataclasses
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from scipy import ndimage

from evaluation.differences import mean_interval
from evaluation.table import markdown_table
from tf_denoise.data.noisy_pair import NoisyPair
from tf_denoise.uncertainty.intervals import Intervals

BRIGHTNESS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Ends of the groups by the brightness of the denoised picture, with white at 1."""
CONTRAST_255 = (0.0, 2.0, 5.0, 15.0, np.inf)
"""Ends of the groups by the deviation of the denoised picture around a place, in 255ths."""
AROUND = 7
"""Side in pixels of the square that contrast is looked at in."""
LEAST_VALUES = 200
"""A picture with fewer values in a group is not counted there."""


@dataclasses.dataclass(frozen=True)
class CoverageRow:
    """The coverage of a group of values.

    Attributes:
        by: What the groups are formed by: `all`, `level`, `brightness` or `contrast`.
        group: Which of them.
        pictures: How many pictures have such values.
        coverage: Mean over these pictures of the share of their values that lies in its interval.
        low: Lower end of the 95 % interval of that mean; `None` for a single picture.
        high: Upper end.
        half_width: Mean half width of the intervals, with white at 1.
    """

    by: str
    group: str
    pictures: int
    coverage: float
    low: float | None
    high: float | None
    half_width: float


def measure_coverage(intervals: Intervals, denoise: Callable, pictures: Iterable[NoisyPair]) -> list[CoverageRow]:
    """Measure the coverage of intervals.

    Args:
        intervals: Those of the network.
        denoise: The network as a function of one picture, such as a `TiledDenoiser`.
        pictures: With known clean versions, each at one level or more.

    Returns:
        A row for all together, then those by level, brightness and local contrast.

    Raises:
        ValueError: If there is no picture.
    """
    counts: dict[tuple[str, str], dict[str, np.ndarray]] = defaultdict(lambda: defaultdict(lambda: np.zeros(3)))
    for picture in pictures:
        noisy = picture.noisy
        denoised = denoise(noisy)
        below, above = intervals.widths(noisy, denoised)
        residual = picture.clean - denoised
        inside = (residual >= -below) & (residual <= above)
        half = (below + above) / 2
        for by, group, where in _groups(denoised, picture.level):
            counts[by, group][picture.name] += inside[where].sum(), inside[where].size, half[where].sum(dtype="float64")
    if not counts:
        raise ValueError("Coverage is measured on one picture or more; received none.")
    rows = [row for (by, group), found in counts.items() if (row := _row(by, group, found)) is not None]
    order = ("all", "level", "brightness", "contrast")
    names = [*_ranges(BRIGHTNESS), *_ranges(CONTRAST_255)]
    return sorted(rows, key=lambda row: (order.index(row.by), names.index(row.group) if row.group in names else -1))


def coverage_table(rows: Sequence[CoverageRow]) -> str:
    """The rows as a table in Markdown, coverage in per cent and half widths in 255ths.

    Example:
        >>> print(coverage_table([CoverageRow("level", "25", 36, 0.893, 0.881, 0.904, 0.02)]))
        | values | pictures | coverage, % | 95 % interval | half width, 255ths |
        |---|---|---|---|---|
        | level 25 | 36 | 89.3 | 88.1 to 90.4 | 5.10 |
    """
    head = ["values", "pictures", "coverage, %", "95 % interval", "half width, 255ths"]
    lines = [
        [
            row.group if row.by == "all" else f"{row.by} {row.group}",
            str(row.pictures),
            f"{100 * row.coverage:.1f}",
            "" if row.low is None else f"{100 * row.low:.1f} to {100 * row.high:.1f}",
            f"{255 * row.half_width:.2f}",
        ]
        for row in rows
    ]
    return "\n".join(markdown_table(head, lines)).rstrip()


def local_contrast(image: np.ndarray) -> np.ndarray:
    """The deviation of the mean of the channels within 7 x 7 pixels around each place, `(height, width)`."""
    grey = image.mean(axis=-1, dtype="float64")
    mean, square = (ndimage.uniform_filter(values, AROUND, mode="nearest") for values in (grey, grey**2))
    return np.sqrt(np.maximum(square - mean**2, 0))


def _groups(denoised: np.ndarray, level: float | None) -> Iterator[tuple[str, str, np.ndarray | slice]]:
    """The groups that the values of a picture fall into, each with a mask of places."""
    yield "all", "all", np.s_[:]
    yield "level", "as trained" if level is None else f"{level:g}", np.s_[:]
    for by, values, ends in (
        ("brightness", np.clip(denoised.mean(axis=-1), 0, 1), BRIGHTNESS),
        ("contrast", 255 * local_contrast(denoised), CONTRAST_255),
    ):
        place = np.clip(np.searchsorted(ends, values, side="right") - 1, 0, len(ends) - 2)
        for index, name in enumerate(_ranges(ends)):
            yield by, name, place == index


def _ranges(ends: Sequence[float]) -> list[str]:
    """The groups between ends, in words."""
    inner = [f"{low:g} to {high:g}" for low, high in itertools.pairwise(ends)]
    return [name.replace(" to inf", " and more") for name in inner]


def _row(by: str, group: str, found: dict[str, np.ndarray]) -> CoverageRow | None:
    least = LEAST_VALUES if by in ("brightness", "contrast") else 1
    usable = np.array([values for values in found.values() if values[1] >= least])
    if not len(usable):
        return None
    shares = usable[:, 0] / usable[:, 1]
    low, high = (None if end is None else float(np.clip(end, 0, 1)) for end in mean_interval(shares))
    half = float((usable[:, 2] / usable[:, 1]).mean())
    return CoverageRow(by, group, len(usable), float(shares.mean()), low, high, half)
