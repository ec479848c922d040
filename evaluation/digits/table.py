"""The scores of a run on digits, one row per value."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from evaluation.table import INPUT, Table


@dataclasses.dataclass(frozen=True)
class Score:
    """One row of the table, with the bootstrap replicates of its mean where the measure has a value per image."""

    repeat: int
    network: str
    renoised: bool
    test_set: str
    measure: str
    rounded: bool
    value: float
    low: float | None = None
    high: float | None = None
    replicates: np.ndarray | None = dataclasses.field(
        default=None, repr=False, compare=False, metadata={"written": False}
    )


class DigitTable(Table):
    """The scores of a run on digits.

    Args:
        rows: What `score_chains` gave.
    """

    def __init__(self, rows: Sequence[Score]):
        super().__init__(rows)
        self.repeats = sorted({row.repeat for row in self.rows} - {0})

    def get(self, repeat, network, test_set, measure, *, rounded=False, renoised=False) -> Score:
        """One score. The noisy input is the same in all repeats."""
        (score,) = self.select(
            repeat=0 if network == INPUT else repeat,
            network=network,
            renoised=renoised,
            test_set=test_set,
            measure=measure,
            rounded=rounded,
        )
        return score

    def over_repeats(self, network, test_set, measure, **kind) -> list[Score]:
        """The scores of all repeats."""
        return [self.get(repeat, network, test_set, measure, **kind) for repeat in self.repeats]
