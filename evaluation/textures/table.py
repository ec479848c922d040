"""The scores of a run on photographs: one row per method, photograph, noise level and measure."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from evaluation.differences import mean_interval
from evaluation.table import Table


@dataclasses.dataclass(frozen=True)
class PictureScore:
    """One row of the table.

    Attributes:
        repeat: Counted from 1; 0 for a method that was not trained, which is alike in all repeats.
        method: Its name.
        picture: Name of the photograph.
        level: Standard deviation of the noise in 255ths, where it has one.
        measure: Name of the measure.
        value: What was measured.
    """

    repeat: int
    method: str
    picture: str
    level: float | None
    measure: str
    value: float


@dataclasses.dataclass(frozen=True)
class Average:
    """One measure of one method.

    Attributes:
        value: Mean over levels, photographs and repeats.
        low: Lower end of the 95 % interval of `value` over photographs; `None` for a single photograph.
        high: Upper end.
        least: Least mean among the repeats.
        most: Greatest.
    """

    value: float
    low: float | None
    high: float | None
    least: float
    most: float


class PictureTable(Table):
    """The scores of a run on photographs.

    Args:
        rows: What `score_methods` gave.
    """

    def __init__(self, rows: Sequence[PictureScore]):
        super().__init__(rows)
        self.methods: list[str] = self.distinct("method")
        self.levels: list[float | None] = self.distinct("level")
        self.num_photographs = len(self.distinct("picture"))

    def values(self, method: str, measure: str, levels: Sequence[float | None] | None = None) -> np.ndarray:
        """`(repeats, levels, photographs)`, of all levels or of some; a classical method has a single repeat."""
        levels = self.levels if levels is None else levels
        repeats = dict.fromkeys(row.repeat for row in self.select(method=method, measure=measure))
        return np.array(
            [
                [
                    [row.value for row in self.select(method=method, measure=measure, repeat=repeat, level=level)]
                    for level in levels
                ]
                for repeat in repeats
            ]
        )

    def average(self, method: str, measure: str, levels: Sequence[float | None] | None = None) -> Average:
        """The mean of a measure, its interval over photographs and its spread over repeats."""
        values = self.values(method, measure, levels).mean(axis=1)
        by_repeat = values.mean(axis=1)
        low, high = mean_interval(values.mean(axis=0))
        return Average(float(by_repeat.mean()), low, high, float(by_repeat.min()), float(by_repeat.max()))
