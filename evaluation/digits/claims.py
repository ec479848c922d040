"""The notebook's claims, checked against a run's scores."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from evaluation.differences import Difference, digit_difference
from evaluation.digits.names import TEST_SETS
from evaluation.digits.table import DigitTable
from evaluation.measures import MEASURES

KEY_MEASURES = ("mse", "ssim", "classifier_accuracy")
HELD, NOT_HELD = 0.9, 0.25
"""A claim held if this share of its comparisons bears it out, and did not hold if no more than that share does."""


class Member(Protocol):
    """What a claim knows of a network: its place in the chain."""

    @property
    def name(self) -> str:
        """Path in the tree."""

    @property
    def parent(self) -> str | None:
        """Name of the network whose predictions it takes."""

    @property
    def renoise(self) -> str | None:
        """How its training renoised those predictions."""


@dataclasses.dataclass(frozen=True)
class Contrast:
    """One measure of one network against another on all test sets.

    Attributes:
        network: The first network.
        against: The second.
        measure: Name of the measure.
        differences: By test set.
    """

    network: str
    against: str
    measure: str
    differences: dict[str, Difference]

    @property
    def verdicts(self) -> list[str]:
        """The verdict on each test set, in their order."""
        return [difference.verdict for difference in self.differences.values()]


@dataclasses.dataclass(frozen=True)
class Finding:
    """What became of a claim.

    Attributes:
        claim: The claim, as a statement.
        verdict: `held`, `held in part` or `did not hold`.
        summary: Sentences with the counts.
        contrasts: The evidence.
    """

    claim: str
    verdict: str
    summary: tuple[str, ...]
    contrasts: tuple[Contrast, ...]


def check_claims(table: DigitTable, tree: Sequence[Member], controls: dict[str, str], renoised: bool) -> list[Finding]:
    """All findings of a run.

    Args:
        table: The scores.
        tree: The networks of one repeat.
        controls: For each child of the original study the control that trained as long as its whole chain.
        renoised: Whether the second pass, renoised at evaluation, was made.
    """
    pairs = [(n.name, n.parent) for n in tree if n.parent is not None and n.name in controls]
    findings = []
    if pairs:
        findings = [
            _refines("The second network refines the first", table, pairs, "its parent"),
            _refines(
                "Two networks in a row beat one network with the same total training",
                table,
                [(child, controls[child]) for child, _ in pairs],
                "the single network of equal training",
            ),
        ]
    if renoised:
        findings.append(_renoising_hurts(table, [n.name for n in tree if n.renoise not in (None, "0")]))
    if pairs:
        findings.append(_accuracy_and_gap(table, pairs))
    return [finding for finding in findings if finding.contrasts]


def verdict_of(share: float) -> str:
    """The verdict on a claim that this share of its comparisons bears out.

    Example:
        >>> verdict_of(0.95), verdict_of(0.5), verdict_of(0.1)
        ('held', 'held in part', 'did not hold')
    """
    return "held" if share >= HELD else "did not hold" if share <= NOT_HELD else "held in part"


def compare(
    table: DigitTable, network: str, against: str, measure: str, *, sides: tuple[bool, bool] = (False, False)
) -> Contrast:
    """One measure of `network` against `against`; `sides` says which of the two is renoised at evaluation."""

    def difference(test_set: str) -> Difference:
        first, second = (
            table.over_repeats(name, test_set, measure, renoised=side)
            for name, side in zip((network, against), sides, strict=True)
        )
        return digit_difference(
            [score.value for score in first],
            [score.value for score in second],
            [score.replicates for score in first],
            [score.replicates for score in second],
            MEASURES[measure].sign,
        )

    return Contrast(network, against, measure, {test_set: difference(test_set) for test_set in TEST_SETS})


def _refines(claim: str, table: DigitTable, pairs: list[tuple[str, str]], whom: str) -> Finding:
    contrasts = [compare(table, child, other, m) for m in KEY_MEASURES for child, other in pairs]
    summary = []
    for measure in KEY_MEASURES:
        counted = count([c for c in contrasts if c.measure == measure])
        summary.append(f"{MEASURES[measure].title}: against {whom}, {counted.sentence}.")
    return Finding(claim, count(contrasts).verdict("better"), tuple(summary), tuple(contrasts))


def _renoising_hurts(table: DigitTable, children: list[str]) -> Finding:
    contrasts = [
        compare(table, child, child, measure, sides=(True, False)) for measure in KEY_MEASURES for child in children
    ]
    summary = []
    for measure in KEY_MEASURES:
        counted = count([c for c in contrasts if c.measure == measure])
        summary.append(f"{MEASURES[measure].title}: against the same chain not renoised, {counted.sentence}.")
    return Finding(
        "Renoising the parent's prediction at evaluation hurts",
        count(contrasts).verdict("worse"),
        tuple(summary),
        tuple(contrasts),
    )


def _accuracy_and_gap(table: DigitTable, pairs: list[tuple[str, str]]) -> Finding:
    """Pixel accuracy, and the mean difference of the unequal pixels: MAE / (1 - accuracy), both rounded."""

    def both(network: str, test_set: str) -> tuple[list, list, list, list]:
        accuracy = table.over_repeats(network, test_set, "pixel_accuracy", rounded=True)
        error = table.over_repeats(network, test_set, "mae", rounded=True)
        return (
            [a.value for a in accuracy],
            [_gap(e.value, a.value) for a, e in zip(accuracy, error, strict=True)],
            [a.replicates for a in accuracy],
            [_gap(e.replicates, a.replicates) for a, e in zip(accuracy, error, strict=True)],
        )

    contrasts = []
    together = 0
    for child, parent in pairs:
        found: tuple[dict[str, Difference], dict[str, Difference]] = ({}, {})
        for test_set in TEST_SETS:
            mine, theirs = both(child, test_set), both(parent, test_set)
            for which in (0, 1):
                arguments = (mine[which], theirs[which], mine[2 + which], theirs[2 + which])
                found[which][test_set] = digit_difference(*arguments, sign=1)
        together += sum(found[0][t].verdict == found[1][t].verdict == "better" for t in TEST_SETS)
        contrasts.append(Contrast(child, parent, "pixel_accuracy", found[0]))
        contrasts.append(Contrast(child, parent, "unequal_pixels", found[1]))
    total = len(pairs) * len(TEST_SETS)
    higher = count([c for c in contrasts if c.measure == "pixel_accuracy"]).better
    wider = count([c for c in contrasts if c.measure == "unequal_pixels"]).better
    verdict = verdict_of(together / total)
    summary = (
        f"Pixel accuracy is above the parent's in {higher} of {total} comparisons (children times test sets).",
        f"The pixels that are not equal differ more than the parent's in {wider} of {total}.",
        f"Both at once in {together} of {total}.",
    )
    return Finding("Accuracy rises while the unequal pixels differ more", verdict, summary, tuple(contrasts))


def _gap(error, accuracy):
    """The mean difference of the unequal pixels: NaN where all are equal, which makes a comparison unclear."""
    unequal = 1 - np.asarray(accuracy, "float64")
    return np.divide(error, unequal, out=np.full_like(unequal, np.nan), where=unequal > 0)


@dataclasses.dataclass(frozen=True)
class Count:
    """How many comparisons came out how.

    Attributes:
        better: Those that are clearly better.
        worse: Those that are clearly worse.
        unclear: All others.
        where: Gives, for a verdict, the test sets on which most have it.
    """

    better: int
    worse: int
    unclear: int
    where: Callable[[str], list[str]]

    @property
    def total(self) -> int:
        """How many comparisons there are."""
        return self.better + self.worse + self.unclear

    @property
    def sentence(self) -> str:
        """The counts in words."""
        words = f"better in {self.better}, worse in {self.worse}, unclear in {self.unclear} of {self.total}"
        for verdict in ("better", "worse"):
            if places := self.where(verdict):
                words += f"; mostly {verdict} on {ranges(places)}"
        return words

    def verdict(self, expected: str) -> str:
        """What becomes of the claim that all comparisons come out as `expected`."""
        return verdict_of(getattr(self, expected) / max(1, self.total))


def count(contrasts: Sequence[Contrast]) -> Count:
    """The verdicts of contrasts, counted."""
    verdicts = [contrast.verdicts for contrast in contrasts]
    flat = [verdict for row in verdicts for verdict in row]

    def where(verdict: str) -> list[str]:
        share = [np.mean([row[i] == verdict for row in verdicts]) for i in range(len(TEST_SETS))] if verdicts else []
        return [name for name, part in zip(TEST_SETS, share, strict=False) if part > 0.5]

    return Count(flat.count("better"), flat.count("worse"), flat.count("unclear"), where)


def ranges(places: Sequence[str]) -> str:
    """Neighbouring test sets written as a range.

    Example:
        >>> ranges(["original", "60%", "70%", "80%", "mixed"])
        'original, 60% to 80%, mixed'
    """
    runs: list[list[str]] = []
    for place in places:
        follows = runs and TEST_SETS.index(place) == TEST_SETS.index(runs[-1][-1]) + 1 and place != "mixed"
        if follows:
            runs[-1].append(place)
        else:
            runs.append([place])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)
