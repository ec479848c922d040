"""The answer of a run on digits in two sentences."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from evaluation.digits.claims import Contrast, compare, count, ranges
from evaluation.digits.forms import won
from evaluation.digits.names import CONTROLS, TEST_SETS, in_sentence
from evaluation.digits.rivals import Stored, is_second_stage, kind_of, parent_of, rivals_of
from evaluation.digits.table import DigitTable
from evaluation.measures import MEASURES


@dataclasses.dataclass(frozen=True)
class Stage:
    """A second stage and how its mean squared error compares.

    Attributes:
        name: Its name in the tree.
        mse: On mixed noise, mean over repeats.
        against_parent: Its mean squared error against that of its parent.
        against_controls: And against that of each of its controls.
    """

    name: str
    mse: float
    against_parent: Contrast
    against_controls: tuple[Contrast, ...]

    def wins(self, controls: int | None = None) -> list[str]:
        """The test sets on which it is better than its first so many controls, or than all."""
        return won(self.against_controls[:controls])


def answer(table: DigitTable, tree: Sequence[Stored]) -> tuple[str, str]:
    """Whether a second stage beats one network of equal training, and whether it refines its parent.

    Args:
        table: The scores.
        tree: The networks of one repeat, as `networks.json` has them.
    """
    stages = [_stage(table, network, tree) for network in tree if is_second_stage(network)]
    if not stages:
        return (
            "No second network was trained, so the question is open.",
            "What follows are the scores of the single networks.",
        )
    best = max(stages, key=lambda stage: (bool(stage.wins()), len(stage.wins(1)), len(stage.wins()), -stage.mse))
    return _beats(best, len(stages)), _refines(min(stages, key=lambda stage: stage.mse))


def _stage(table: DigitTable, network: Stored, tree: Sequence[Stored]) -> Stage:
    name = network["name"]
    return Stage(
        name,
        float(np.mean([score.value for score in table.over_repeats(name, "mixed", "mse")])),
        compare(table, name, parent_of(network), "mse"),
        tuple(compare(table, name, rival, "mse") for rival in rivals_of(network, tree)),
    )


def _beats(best: Stage, stages: int) -> str:
    longer = best.wins(1)
    if not longer:
        whom = "the second network does not beat" if stages == 1 else f"none of {stages} second networks beats"
        return f"No: {whom} one network of equal training in mean squared error, at any noise level."
    wins = best.wins()
    lower = f"{in_sentence(best.name)} has a lower mean squared error than one network of equal training"
    if not wins:
        return f"No: no second network beats all of its controls at any noise level; {lower} {_where(longer)}."
    if wins != longer:
        return f"In part: {lower} {_where(longer)}, and than all of its controls {_where(wins)}."
    others = [kind_of(contrast.against) for contrast in best.against_controls[1:]]
    whom = f", and than {_rivals(others)}," if others else ""
    return f"{'Yes' if len(wins) == len(TEST_SETS) else 'In part'}: {lower}{whom} {_where(wins)}."


def _rivals(kinds: Sequence[str]) -> str:
    """Controls in a sentence.

    Example:
        >>> _rivals(["wide", "deep", "restarted"])
        'a wider and a deeper one of no fewer multiply-adds and a restarted one'
    """
    larger = [f"a {CONTROLS[kind]}" for kind in kinds if kind != "restarted"]
    words = [f"{' and '.join(larger)} one of no fewer multiply-adds"] if larger else []
    return " and ".join([*words, *("a restarted one" for kind in kinds if kind == "restarted")])


def _where(places: Sequence[str]) -> str:
    """Test sets in a sentence.

    Example:
        >>> _where(TEST_SETS), _where(["80%", "90%"])
        ('at every noise level', 'on 80% to 90%')
    """
    return "at every noise level" if len(places) == len(TEST_SETS) else f"on {ranges(places)}"


def _refines(best: Stage) -> str:
    mixed = best.against_parent.differences["mixed"]
    counted = count([best.against_parent])
    where = " and ".join(
        f"{verdict} than its parent {_where(places)}"
        for verdict in ("better", "worse")
        if (places := counted.where(verdict))
    )
    measure = MEASURES["mse"]
    return (
        f"The second network that is best on mixed noise, {in_sentence(best.name)}, "
        f"{'raises' if mixed.value > 0 else 'brings'} its parent's error there "
        f"from {measure.text(mixed.base)} to {measure.text(mixed.base + mixed.value)}; it is "
        f"{where or 'nowhere clearly better or worse than its parent'}."
    )
