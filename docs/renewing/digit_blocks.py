"""The blocks of a page on digits."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from evaluation.differences import caveat
from evaluation.digits.claims import KEY_MEASURES, Contrast, count
from evaluation.digits.contrasts import read_contrasts
from evaluation.digits.figures import against_controls, measure_panels
from evaluation.digits.names import TEST_SETS, full_label, root_title
from evaluation.digits.rivals import is_form, is_second_stage, kind_of, parent_of, rivals_of
from evaluation.digits.table import DigitTable, Score
from evaluation.measures import DIGITS, MEASURES
from evaluation.table import INPUT, markdown_table
from renewing.blocks import Block, Kind
from renewing.kept import Kept
from tf_denoise.errors import InputError

AGAINST = {
    "parent": "its parent",
    "control": "one network of equal training",
    "wide": "a wider network of equal training and no fewer multiply-adds",
    "deep": "a deeper network of equal training and no fewer multiply-adds",
    "restarted": "one network of equal training whose rate rises a second time",
}
"""Whom a second stage can be held against, in words."""
ROOTS = ("multi_level", "one_level")


def scores(tables: Sequence[Kept], measure: str = "") -> Block:
    """The mean over repeats of every network on every test set, a table for each measure."""
    [kept] = tables
    table = _table(kept)
    lines = []
    for name in [measure] if measure else KEY_MEASURES:
        write = MEASURES[name]
        rows = []
        for network in [INPUT, *_names(kept)]:
            found = [table.over_repeats(network, t, name, rounded=name == "pixel_accuracy") for t in TEST_SETS]
            rows.append([full_label(network), *(write.text(float(np.mean([s.value for s in f]))) for f in found)])
        lines += markdown_table([write.heading, *TEST_SETS], rows)
    return Block(lines)


def forms(tables: Sequence[Kept], measure: str = "", against: str = "") -> Block:
    """Every form of the second stage minus its controls, on every test set."""
    [kept] = tables
    contrasts = _contrasts(kept)
    networks = [network for network in kept.facts["tree"] if is_form(network)]
    if not networks:
        raise InputError(f"The table {kept.name} has no second stage of another form than those of the original study.")
    lines = [caveat(kept.facts["repeats"]), "", _HOW_TO_READ + _trainings_in_words(kept), ""]
    for name in [measure] if measure else KEY_MEASURES:
        for whom in [against] if against else list(AGAINST)[1:]:
            found = [
                contrasts[network["name"], other, name]
                for network in networks
                for other in _others(network, kept.facts["tree"], whom)
            ]
            if found:
                lines += _difference_lines(found, name, whom)
    return Block(lines)


def claims(tables: Sequence[Kept]) -> Block:
    """The findings as the run's own report has them."""
    [kept] = tables
    return Block([*kept.facts["findings"].strip().splitlines(), ""])


def curve(tables: Sequence[Kept], root: str = "") -> Block:
    """Second stages, and other controls, minus one network of equal training over the noise level."""
    [kept] = tables
    tree, names = kept.facts["tree"], _names(kept)
    root = root or next(root for root in ROOTS if root in names)
    stages = [n for n in tree if is_second_stage(n) and n["name"].startswith(f"{root}/")]
    if not stages:
        raise InputError(f"The table {kept.name} has no second stage below {root}.")
    pairs = [(network["name"], rivals_of(network, tree)[0]) for network in stages]
    pairs += [(name, name.rpartition("_")[0]) for name in names if name.startswith(f"{root}/") and kind_of(name)]
    title = f"{root_title(root)}: each network minus one of equal training"
    return Block([], against_controls(_table(kept), pairs, title), title)


def panels(tables: Sequence[Kept], root: str = "") -> Block:
    """The eight measures over the noise level."""
    [kept] = tables
    names = _names(kept)
    root = root or next(root for root in ROOTS if root in names)
    family = [name for name in names if name == root or name.startswith(f"{root}/")]
    if not family:
        raise InputError(f"The table {kept.name} has no network of {root}.")
    title = f"{root_title(root)}, what is below it, and its controls"
    return Block([], measure_panels(_table(kept), family, title), f"Eight measures over noise level: {title}")


KINDS = {
    "scores": Kind(scores, options={"measure": DIGITS}),
    "forms": Kind(forms, options={"measure": KEY_MEASURES, "against": list(AGAINST)}),
    "claims": Kind(claims),
    "curve": Kind(curve, options={"root": ROOTS}),
    "panels": Kind(panels, options={"root": ROOTS}),
}
"""The kinds of block that a page can show of runs on digits."""

_HOW_TO_READ = "A cell gives the difference and in brackets its 95 % interval over images."


def _trainings_in_words(kept: Kept) -> str:
    if kept.facts["repeats"] == 1:
        return " It is bold where that excludes zero."
    return (
        " Behind the semicolon stands that over trainings, Student's t of the differences of the repeats. It is bold "
        "where both lie on one side of zero."
    )


def _table(kept: Kept) -> DigitTable:
    return DigitTable(
        [
            Score(
                int(row["repeat"]),
                row["network"],
                row["renoised"] == "1",
                row["test_set"],
                measure,
                row["rounded"] == "1",
                float(row[measure]),
            )
            for row in kept.rows()
            for measure in DIGITS
            if row[measure]
        ]
    )


def _contrasts(kept: Kept) -> dict[tuple[str, str, str], Contrast]:
    kept.rows(".contrasts.csv")  # which refuses where there is none
    text = (kept.folder / f"{kept.name}.contrasts.csv").read_text(encoding="utf-8")
    return {(c.network, c.against, c.measure): c for c in read_contrasts(text)}


def _names(kept: Kept) -> list[str]:
    return [network["name"] for network in kept.facts["tree"]]


def _others(network: Mapping[str, Any], tree: Sequence[Mapping[str, Any]], whom: str) -> list[str]:
    if whom == "parent":
        return [parent_of(network)]
    return [rival for rival in rivals_of(network, tree) if (kind_of(rival) or "control") == whom]


def _difference_lines(contrasts: Sequence[Contrast], measure: str, whom: str) -> list[str]:
    """A row for each test set, a column for each network."""
    rows = [[t, *(_cell(contrast, measure, t) for contrast in contrasts)] for t in TEST_SETS]
    titles = [full_label(contrast.network) for contrast in contrasts]
    lines = [f"**{MEASURES[measure].heading}, against {AGAINST[whom]}**", ""]
    lines += markdown_table(["noise", *titles], rows)
    lines += [f"- {full_label(c.network)}: {count([c]).sentence}." for c in contrasts]
    return [*lines, ""]


def _cell(contrast: Contrast, measure: str, test_set: str) -> str:
    write, found = MEASURES[measure], contrast.differences[test_set]
    value = write.signed(found.value)
    value = value if found.verdict == "unclear" else f"**{value}**"
    trainings = write.interval(found.training_low, found.training_high, signed=True)
    interval = write.interval(found.low, found.high, signed=True)
    return f"{value} ({interval}{f'; {trainings}' if trainings else ''})"
