"""The notebook's claims, checked against a run's scores."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from evaluation.bootstrap import interval
from evaluation.digits.scoring import MEASURES, TEST_SETS, Denoiser, Table

KEY_MEASURES = ("mse", "ssim", "classifier_accuracy")
ENOUGH_REPEATS = 3
HELD, NOT_HELD = 0.9, 0.25
"""A claim held if this share of its comparisons bears it out, and did not hold if no more than that share does."""


@dataclasses.dataclass(frozen=True)
class Difference:
    """How one measure differs between two networks on one test set.

    Attributes:
        test_set: Name of the test set.
        value: The first minus the second, averaged over repeats.
        base: The second, averaged over repeats.
        low: Lower end of the 95 % interval of `value` over images (paired bootstrap).
        high: Upper end.
        least: Smallest difference among the repeats.
        most: Largest difference among the repeats.
        sign: +1 if more is better, -1 if less is better, for the measure.
    """

    test_set: str
    value: float
    base: float
    low: float
    high: float
    least: float
    most: float
    sign: int

    @property
    def verdict(self) -> str:
        """`better` or `worse` if the interval over images and every repeat agree on it, else `unclear`."""
        lowest, highest = min(self.low, self.least), max(self.high, self.most)
        if lowest > 0:
            return "better" if self.sign > 0 else "worse"
        if highest < 0:
            return "worse" if self.sign > 0 else "better"
        return "unclear"

    @property
    def percent(self) -> float:
        """The difference in percent of the second network's value."""
        return 100 * self.value / self.base if self.base else float("nan")


@dataclasses.dataclass(frozen=True)
class Comparison:
    """One measure of one network against another on all test sets."""

    network: str
    against: str
    measure: str
    differences: tuple[Difference, ...]

    def on(self, test_set: str) -> Difference:
        """The difference on a test set."""
        return self.differences[TEST_SETS.index(test_set)]


@dataclasses.dataclass(frozen=True)
class Finding:
    """What became of a claim.

    Attributes:
        claim: The claim, as a statement.
        verdict: `held`, `held in part` or `did not hold`.
        summary: Sentences with the counts.
        comparisons: The evidence.
    """

    claim: str
    verdict: str
    summary: tuple[str, ...]
    comparisons: tuple[Comparison, ...]


def check_claims(table: Table, tree: Sequence[Denoiser], controls: dict[str, str], renoised: bool) -> list[Finding]:
    """All findings of a run.

    Args:
        table: The scores.
        tree: The networks of one repeat.
        controls: For each child the control that trained as long as its whole chain.
        renoised: Whether the second pass, renoised at evaluation, was made.
    """
    children = [network for network in tree if network.parent is not None]
    if not children:
        return []
    findings = [
        _refines("The second network refines the first", table, [(c.name, c.parent) for c in children], "its parent"),
        _refines(
            "Two networks in a row beat one network with the same total training",
            table,
            [(c.name, controls[c.name]) for c in children],
            "the single network of equal training",
        ),
    ]
    if renoised:
        findings.append(_renoising_hurts(table, [c.name for c in children if c.renoise != "0"]))
    findings.append(_accuracy_and_gap(table, [(c.name, c.parent) for c in children]))
    return [finding for finding in findings if finding.comparisons]


def verdict_of(share: float) -> str:
    """The verdict on a claim that this share of its comparisons bears out.

    Example:
        >>> verdict_of(0.95), verdict_of(0.5), verdict_of(0.1)
        ('held', 'held in part', 'did not hold')
    """
    return "held" if share >= HELD else "did not hold" if share <= NOT_HELD else "held in part"


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
        return f"{repeats} repeats: the spread over repeats is shown, but it rests on very few trainings."
    return f"{repeats} repeats, each {each}."


def compare(
    table: Table, network: str, against: str, measure: str, *, sides: tuple[bool, bool] = (False, False)
) -> Comparison:
    """One measure of `network` against `against`; `sides` says which of the two is renoised at evaluation."""
    sign = 1 if MEASURES[measure][1] == "higher" else -1

    def difference(test_set: str) -> Difference:
        first, second = (
            table.over_repeats(name, test_set, measure, renoised=side)
            for name, side in zip((network, against), sides, strict=True)
        )
        return _difference(
            test_set,
            [score.value for score in first],
            [score.value for score in second],
            [score.replicates for score in first],
            [score.replicates for score in second],
            sign,
        )

    return Comparison(network, against, measure, tuple(map(difference, TEST_SETS)))


def _difference(test_set, first, second, first_replicates, second_replicates, sign) -> Difference:
    by_repeat = np.subtract(first, second)
    low, high = interval(np.mean(np.subtract(first_replicates, second_replicates), axis=0))
    return Difference(
        test_set, float(by_repeat.mean()), float(np.mean(second)), low, high, by_repeat.min(), by_repeat.max(), sign
    )


def _refines(claim: str, table: Table, pairs: list[tuple[str, str]], whom: str) -> Finding:
    comparisons = [compare(table, child, other, m) for m in KEY_MEASURES for child, other in pairs]
    summary = []
    for measure in KEY_MEASURES:
        counted = _count([c for c in comparisons if c.measure == measure])
        summary.append(f"{MEASURES[measure][0]}: against {whom}, {counted.sentence}.")
    return Finding(claim, _count(comparisons).verdict("better"), tuple(summary), tuple(comparisons))


def _renoising_hurts(table: Table, children: list[str]) -> Finding:
    comparisons = [
        compare(table, child, child, measure, sides=(True, False)) for measure in KEY_MEASURES for child in children
    ]
    summary = []
    for measure in KEY_MEASURES:
        counted = _count([c for c in comparisons if c.measure == measure])
        summary.append(f"{MEASURES[measure][0]}: against the same chain not renoised, {counted.sentence}.")
    return Finding(
        "Renoising the parent's prediction at evaluation hurts",
        _count(comparisons).verdict("worse"),
        tuple(summary),
        tuple(comparisons),
    )


def _accuracy_and_gap(table: Table, pairs: list[tuple[str, str]]) -> Finding:
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

    comparisons = []
    together = 0
    for child, parent in pairs:
        found: tuple[list[Difference], list[Difference]] = ([], [])
        for test_set in TEST_SETS:
            mine, theirs = both(child, test_set), both(parent, test_set)
            for which in (0, 1):
                arguments = (mine[which], theirs[which], mine[2 + which], theirs[2 + which])
                found[which].append(_difference(test_set, *arguments, sign=1))
        together += sum(a.verdict == b.verdict == "better" for a, b in zip(*found, strict=True))
        comparisons.append(Comparison(child, parent, "pixel_accuracy", tuple(found[0])))
        comparisons.append(Comparison(child, parent, "unequal_pixels", tuple(found[1])))
    total = len(pairs) * len(TEST_SETS)
    higher = _count([c for c in comparisons if c.measure == "pixel_accuracy"]).better
    wider = _count([c for c in comparisons if c.measure == "unequal_pixels"]).better
    verdict = verdict_of(together / total)
    summary = (
        f"Pixel accuracy is above the parent's in {higher} of {total} comparisons (children times test sets).",
        f"The pixels that are not equal differ more than the parent's in {wider} of {total}.",
        f"Both at once in {together} of {total}.",
    )
    return Finding("Accuracy rises while the unequal pixels differ more", verdict, summary, tuple(comparisons))


def _gap(error, accuracy):
    """The mean difference of the unequal pixels: NaN where all are equal, which makes a comparison unclear."""
    unequal = 1 - np.asarray(accuracy, "float64")
    return np.divide(error, unequal, out=np.full_like(unequal, np.nan), where=unequal > 0)


@dataclasses.dataclass(frozen=True)
class _Count:
    better: int
    worse: int
    unclear: int
    where: Callable[[str], list[str]]

    @property
    def total(self) -> int:
        return self.better + self.worse + self.unclear

    @property
    def sentence(self) -> str:
        """The counts in words."""
        words = f"better in {self.better}, worse in {self.worse}, unclear in {self.unclear} of {self.total}"
        for verdict in ("better", "worse"):
            if places := self.where(verdict):
                words += f"; mostly {verdict} on {_ranges(places)}"
        return words

    def verdict(self, expected: str) -> str:
        """What becomes of the claim that all comparisons come out as `expected`."""
        return verdict_of(getattr(self, expected) / max(1, self.total))


def _count(comparisons: Sequence[Comparison]) -> _Count:
    verdicts = [[difference.verdict for difference in c.differences] for c in comparisons]
    flat = [verdict for row in verdicts for verdict in row]

    def where(verdict: str) -> list[str]:
        share = [np.mean([row[i] == verdict for row in verdicts]) for i in range(len(TEST_SETS))] if verdicts else []
        return [name for name, part in zip(TEST_SETS, share, strict=False) if part > 0.5]

    return _Count(flat.count("better"), flat.count("worse"), flat.count("unclear"), where)


def _ranges(places: list[str]) -> str:
    """Neighbouring test sets written as a range, such as `60% to 100%, mixed`."""
    runs: list[list[str]] = []
    for place in places:
        follows = runs and TEST_SETS.index(place) == TEST_SETS.index(runs[-1][-1]) + 1 and place != "mixed"
        if follows:
            runs[-1].append(place)
        else:
            runs.append([place])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)
