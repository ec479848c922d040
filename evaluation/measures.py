"""What is measured: the name of each measure, its title, which values are better, and its decimals."""

import dataclasses
from collections.abc import Iterable
from typing import Literal

import numpy as np

MINUS = "\N{MINUS SIGN}"
_ARROWS = {"lower": "↓", "higher": "↑", "closer to 1": "→ 1", "neither": ""}


@dataclasses.dataclass(frozen=True)
class Measure:
    """A number that tells how good an output is.

    Attributes:
        name: What it is called in tables.
        title: What a reader calls it.
        better: Which of two values is the better one.
        decimals: How many a value is written with.
        further: How many more a difference of two values is written with.

    Example:
        >>> psnr = Measure("psnr", "PSNR (dB)", "higher", 2)
        >>> psnr.text(21.276), psnr.heading
        ('21.28', 'PSNR (dB) ↑')
        >>> psnr.best([20.0, 25.0, 24.0])
        1
    """

    name: str
    title: str
    better: Literal["lower", "higher", "closer to 1", "neither"]
    decimals: int = 4
    further: int = 0

    @property
    def sign(self) -> int:
        """+1 if a higher value is the better one, -1 if a lower one is (of a ratio: a smaller distance from 1)."""
        return 1 if self.better in ("higher", "neither") else -1

    @property
    def heading(self) -> str:
        """The title with an arrow to the better values."""
        return f"{self.title} {_ARROWS[self.better]}".rstrip()

    @property
    def difference_title(self) -> str:
        """What a difference of two values is called: of a ratio, its distance from 1 is compared."""
        return f"{self.title}: distance from 1" if self.better == "closer to 1" else self.title

    def comparable(self, values) -> np.ndarray:
        """Values whose differences mean something: a ratio as its distance from 1, all others as they are."""
        values = np.asarray(values, "float64")
        return np.abs(values - 1) if self.better == "closer to 1" else values

    def best(self, values: Iterable[float]) -> int:
        """The place of the best value; NaN never is."""
        worth = self.sign * self.comparable(list(values))
        return int(np.argmax(np.where(np.isnan(worth), -np.inf, worth)))

    def text(self, value: float | None) -> str:
        """A value with the decimals of the measure; nothing for `None`."""
        return "" if value is None else f"{round(value, self.decimals) + 0.0:.{self.decimals}f}"  # no minus before zero

    def signed(self, value: float | None) -> str:
        r"""A difference with its sign, and a true minus.

        Example:
            >>> MEASURES["ssim"].signed(-0.0012)
            '\u22120.0012'
        """
        return "" if value is None else f"{value:+.{self.decimals + self.further}f}".replace("-", MINUS)

    def interval(self, low: float | None, high: float | None, *, signed: bool = False) -> str:
        """`low to high`; nothing where there is no interval."""
        write = self.signed if signed else self.text
        return "" if low is None or high is None else f"{write(low)} to {write(high)}"


MEASURES = {
    measure.name: measure
    for measure in (
        Measure("mse", "Mean squared error", "lower", 5, further=1),
        Measure("pixel_accuracy", "Pixel accuracy", "higher"),
        Measure("mae", "Mean absolute error", "lower"),
        Measure("binary_crossentropy", "Binary cross-entropy", "lower"),
        Measure("classifier_accuracy", "Classifier accuracy", "higher"),
        Measure("ssim", "SSIM", "higher"),
        Measure("psnr", "PSNR (dB)", "higher", 2),
        Measure("pixel_frechet_distance", "Pixel Fréchet distance", "lower", 3),
        Measure("unequal_pixels", "Mean difference of the unequal pixels", "neither"),
        Measure("gmsd", "GMSD", "lower"),
        Measure("high_frequency_ratio", "High-frequency energy ratio", "closer to 1", 3),
        Measure("radial_spectrum_error", "Radial spectrum error (dB)", "lower", 2),
        Measure("checkerboard", "Checkerboard", "lower", 3),
        Measure("discoloration", "Discoloration", "lower", 5, further=1),
    )
}
"""All measures by name."""

DIGITS = (
    "mse", "pixel_accuracy", "mae", "binary_crossentropy", "classifier_accuracy", "ssim", "psnr",
    "pixel_frechet_distance",
)  # fmt: skip
"""The notebook's eight measures of digits."""

PHOTOGRAPHS = (
    "mse", "psnr", "ssim", "gmsd", "high_frequency_ratio", "radial_spectrum_error", "checkerboard", "discoloration",
)  # fmt: skip
"""The measures of photographs. The checkerboard is 1 where there is none."""
