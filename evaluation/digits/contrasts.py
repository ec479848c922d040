"""The evidence of the findings on digits as a table: every difference, with its intervals over images and trainings."""

import csv
import dataclasses
import io
from collections.abc import Sequence

from evaluation.differences import Difference
from evaluation.digits.claims import Contrast, Finding
from evaluation.measures import MEASURES
from evaluation.table import Table

CONTRASTS_FILE = "contrasts.csv"
"""In a run folder: the table. The intervals over images need every image's values, which the scores do not keep."""
_SIGNIFICANT = 6


@dataclasses.dataclass(frozen=True)
class ContrastRow:
    """One difference: `value` is the first network's minus the other's, as in `Difference`."""

    network: str
    against: str
    measure: str
    test_set: str
    value: float
    base: float
    low: float
    high: float
    training_low: float | None
    training_high: float | None


def contrast_csv(findings: Sequence[Finding]) -> str:
    """All contrasts of findings, each once, as CSV with six digits; a head alone where there is none."""
    contrasts = {(c.network, c.against, c.measure): c for finding in findings for c in finding.contrasts}
    rows = [
        ContrastRow(*place, test_set, *(_short(getattr(found, name)) for name in ("value", "base", *_ENDS)))
        for place, contrast in contrasts.items()
        for test_set, found in contrast.differences.items()
    ]
    return Table(rows).csv() if rows else ",".join(field.name for field in dataclasses.fields(ContrastRow)) + "\n"


def read_contrasts(text: str) -> list[Contrast]:
    """What `contrast_csv` wrote.

    Raises:
        ValueError: If it is no such table.
    """
    found: dict[tuple[str, str, str], dict[str, Difference]] = {}
    for row in csv.DictReader(io.StringIO(text)):
        try:
            low, high, training_low, training_high = (float(row[name]) if row[name] else None for name in _ENDS)
            difference = Difference(
                float(row["value"]), float(row["base"]), low, high, training_low, training_high,
                MEASURES[row["measure"]].sign,
            )  # fmt: skip
            place = (row["network"], row["against"], row["measure"])
            found.setdefault(place, {})[row["test_set"]] = difference
        except (KeyError, TypeError) as error:
            raise ValueError(f"Expected a table of contrasts; received a row without {error}.") from None
    return [Contrast(*place, differences) for place, differences in found.items()]


_ENDS = ("low", "high", "training_low", "training_high")


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{_SIGNIFICANT}g}")
