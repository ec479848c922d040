"""Paired differences between two methods: their intervals, and when they are clear.

**The interval of a mean over photographs.** A handful of photographs is few, and their differences are skewed: one
hard photograph may outweigh all others. `mean_interval` spans Student's t interval and the one of Hall's
transformation, which corrects t for skewness. The 95 % intervals of 10 or 20 values of mean zero then lie beside zero
in 3.4 to 4.6 % of cases for normal, Student (3 degrees of freedom), gamma and exponential values and in 5.6 to 6.6 %
for lognormal ones of deviation 1. Among others that were tried, t alone does so in up to 16 % (exponential: 9.8 %), BCa
in 7 to 17 % (normal, 10 values: 10.9 %), the percentile interval in about 10 %.

**Ten thousand digits** need none of this: there the paired bootstrap with shared draws stays (`evaluation.bootstrap`).

**Trainings are drawn at random, too.** Of several repeats a second interval is computed, Student's t of their
differences, and a difference is clear only if both lie on one side of zero. That all of three repeats agree is not
enough: where trainings differ more than photographs do, they agree in a quarter of all cases with nothing to find.
"""

import dataclasses

import numpy as np
from scipy import special

from evaluation.bootstrap import interval

LEAST_PHOTOGRAPHS = 10
"""Below so many photographs no difference is called clear."""
ENOUGH_REPEATS = 3
_SKEWNESS_OF_FEW = 3.0
"""The skewness of n values comes out too small where n is small; it is taken 1 + 3 / n times."""


@dataclasses.dataclass(frozen=True)
class Difference:
    """How one measure differs between two methods.

    Attributes:
        value: The first minus the second, averaged over images and repeats.
        base: The second, averaged alike.
        low: Lower end of the 95 % interval of `value` over images; `None` for a single image.
        high: Upper end.
        training_low: Lower end of its 95 % interval over trainings; `None` for a single repeat.
        training_high: Upper end.
        sign: +1 if more is better, -1 if less is better, for the measure.
        is_enough: Whether there are enough images for a verdict.
    """

    value: float
    base: float
    low: float | None
    high: float | None
    training_low: float | None
    training_high: float | None
    sign: int
    is_enough: bool = True

    @property
    def verdict(self) -> str:
        """`better` or `worse` if the intervals over images and over trainings agree on it, else `unclear`.

        For a single repeat it is that over images alone: the verdict is then on these very networks.
        """
        if self.training_low is None or self.training_high is None:
            return self.verdict_on_these
        return self._verdict(self.low, self.high, self.training_low, self.training_high)

    @property
    def verdict_on_these(self) -> str:
        """The verdict by the interval over images alone: on these networks, not on others that are trained alike."""
        return self._verdict(self.low, self.high)

    def _verdict(self, *ends: float | None) -> str:
        known = [end for end in ends if end is not None]
        if not self.is_enough or len(known) < len(ends):
            return "unclear"
        if all(end > 0 for end in known):
            return "better" if self.sign > 0 else "worse"
        if all(end < 0 for end in known):
            return "worse" if self.sign > 0 else "better"
        return "unclear"

    @property
    def percent(self) -> float:
        """The difference in percent of the second method's value."""
        return 100 * self.value / self.base if self.base else float("nan")


def photograph_difference(first, second, sign: int) -> Difference:
    """The difference of two methods on photographs, paired by photograph and repeat.

    Args:
        first: Values `(repeats, photographs)`.
        second: Values of the other method; a method that was not trained has one repeat.
        sign: +1 if more is better, -1 if less is better.

    Example:
        >>> photographs = np.linspace(0.0, 1.0, 12)
        >>> photograph_difference([photographs + 0.1], [photographs], sign=-1).verdict
        'worse'
    """
    differences = np.asarray(first, "float64") - np.asarray(second, "float64")
    low, high = mean_interval(differences.mean(axis=0))
    is_enough = differences.shape[1] >= LEAST_PHOTOGRAPHS
    return _of_repeats(differences.mean(axis=1), np.mean(second), low, high, sign, is_enough)


def digit_difference(first, second, first_replicates, second_replicates, sign: int) -> Difference:
    """The difference of two methods on digits, from bootstrap replicates that share their draws.

    Args:
        first: Means `(repeats,)`.
        second: Means of the other method, `(repeats,)`.
        first_replicates: `(repeats, replicates)`.
        second_replicates: `(repeats, replicates)`.
        sign: +1 if more is better, -1 if less is better.
    """
    low, high = interval(np.mean(np.subtract(first_replicates, second_replicates), axis=0))
    return _of_repeats(np.subtract(first, second), np.mean(second), low, high, sign)


def _of_repeats(by_repeat: np.ndarray, base, low, high, sign: int, is_enough: bool = True) -> Difference:
    trainings = training_interval(by_repeat)
    return Difference(float(by_repeat.mean()), float(base), low, high, *trainings, sign, is_enough)


def mean_interval(values, confidence: float = 0.95) -> tuple[float, float] | tuple[None, None]:
    """An interval for the mean of a distribution that need not be symmetric, from a few of its values.

    Formula:
        ```
        t = (student's t of n - 1 degrees of freedom) / sqrt(n),   g = skewness * (1 + 3 / n)
        Student:  mean - deviation * [t, -t]
        Hall:     mean - deviation * (cbrt(1 + g * ([t, -t] - g / (6 * n))) - 1) * 3 / g
        ```
        and the interval reaches from the lower of the two lower ends to the higher of the two upper ends.

    Args:
        values: `(images,)`.
        confidence: Share of cases in which the interval holds the mean.

    Returns:
        `(low, high)`; `(None, None)` for a single value, which has no interval.

    Reference:
        - [Hall, On the Removal of Skewness by Transformation, 1992](https://www.jstor.org/stable/2345958)

    Example:
        >>> low, high = mean_interval([1.0, 2.0, 2.0, 3.0, 9.0])
        >>> round(low, 2), round(high, 2)
        (-0.58, 10.98)
    """
    values = np.asarray(values, "float64")
    count, mean = len(values), float(np.mean(values))
    if count < 2:
        return None, None
    deviation = float(np.std(values, ddof=1))
    ends = _quantile(count, confidence) * np.array([1, -1])
    both = [mean - deviation * ends]
    if count > 2 and deviation > 1e-12 * abs(mean):
        cubes = float(np.sum(((values - mean) / deviation) ** 3))
        skewness = cubes * count / ((count - 1) * (count - 2)) * (1 + _SKEWNESS_OF_FEW / count)
        if abs(skewness) > 1e-6:
            both.append(mean - deviation * (np.cbrt(1 + skewness * (ends - skewness / (6 * count))) - 1) * 3 / skewness)
    return float(np.min(both)), float(np.max(both))


def training_interval(values, confidence: float = 0.95) -> tuple[float, float] | tuple[None, None]:
    """Student's t interval for the mean over trainings, from one value of each repeat.

    Repeats are three or so: too few to see how skewed their distribution is, as `mean_interval` does.

    Args:
        values: `(repeats,)`.
        confidence: Share of cases in which the interval holds the mean, for normal values.

    Returns:
        `(low, high)`; `(None, None)` for a single value, which has no interval.

    Example:
        >>> low, high = training_interval([1.0, 2.0, 3.0])
        >>> round(low, 2), round(high, 2)
        (-0.48, 4.48)
    """
    values = np.asarray(values, "float64")
    if len(values) < 2:
        return None, None
    reach = float(np.std(values, ddof=1)) * _quantile(len(values), confidence)
    return float(np.mean(values)) - reach, float(np.mean(values)) + reach


def _quantile(count: int, confidence: float) -> float:
    """Student's quantile of a mean of so many values, as a multiple of their deviation."""
    return float(special.stdtrit(count - 1, (1 + confidence) / 2)) / float(np.sqrt(count))


def caveat(
    repeats: int, *, each: str = "the whole tree trained from other seeds, scored on the same noisy test digits"
) -> str:
    """What the number of repeats allows to be said; `each` says what a repeat is."""
    if repeats == 1:
        return (
            "One repeat: the findings hold for these very networks. They cannot support a claim about training, "
            "because another seed may reverse them; use --repeats 3 or more for that."
        )
    if repeats < ENOUGH_REPEATS:
        return (
            f"{repeats} repeats: the interval over trainings rests on {repeats} of them, so it is wide and little is "
            "clear; use --repeats 3 or more."
        )
    return f"{repeats} repeats, each {each}."
