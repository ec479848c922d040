"""The blocks of a page on photographs."""

import dataclasses
from collections.abc import Sequence

from evaluation.differences import Difference
from evaluation.measures import MEASURES
from evaluation.table import markdown_table
from evaluation.textures.figures import HOW_TO_READ_THE_PLANE, sharpness_plane, texture_curves
from evaluation.textures.findings import (
    difference_words,
    headline,
    level_lines,
    reason_lines,
    score_lines,
    token_lines,
    verdict_lines,
)
from evaluation.textures.rows import difference_cell
from evaluation.textures.run import level_title, network_title
from evaluation.textures.tokens import TokenUse
from evaluation.textures.verdicts import SHARPNESS, caveats, compare, rivals_in_words
from renewing.blocks import Block, Kind
from renewing.kept import Kept
from renewing.photographs import Photographs
from tf_denoise.errors import InputError

AGAINST = ("mse", "psnr", "ssim", *SHARPNESS)


def verdicts(tables: Sequence[Kept]) -> Block:
    """Each loss against the MSE alone, by the rule, with what stands behind the verdict."""
    runs = Photographs(tables)
    _check_steps(tables)
    _check_repeats(tables)
    losses = runs.judge_losses()
    lines = [f"**{headline(losses, runs.words)}**", "", *caveats(runs.repeats, runs.table.num_photographs), ""]
    return Block([*lines, *verdict_lines(losses, "the MSE model", runs), *reason_lines(losses, runs)])


def rivals(tables: Sequence[Kept]) -> Block:
    """Each network against the classical method that was best on the validation photographs."""
    runs = Photographs(tables)
    results = runs.results()
    whom = f"{rivals_in_words(runs.rivals)}, the best on the validation photographs"
    return Block(verdict_lines(results.networks, whom, runs))


def scores(tables: Sequence[Kept]) -> Block:
    """Every method by every measure, and by noise level."""
    runs = Photographs(tables)
    results = runs.results()
    return Block([*score_lines(runs, results), *(level_lines(runs, results) if len(runs.table.levels) > 1 else [])])


def against(tables: Sequence[Kept]) -> Block:
    """The networks of the first table against those of the second that were trained with the same loss."""
    if len(tables) != 2:
        raise InputError(f"A block of against takes two tables, whose networks are compared; received {len(tables)}.")
    _check_repeats(tables)
    runs = Photographs(tables, own_names=True)
    pairs = [
        (mine, other)
        for mine in runs.names
        for other in runs.names
        if mine.startswith(f"{tables[0].name}: ")
        and other.startswith(f"{tables[1].name}: ")
        and runs.losses[mine][1:] == runs.losses[other][1:]
    ]
    if not pairs:
        raise InputError(f"The tables {tables[0].name} and {tables[1].name} have no two networks of the same loss.")
    levels = runs.table.levels
    places = [None, *([[level] for level in levels] if len(levels) > 1 else [])]
    lines = [*caveats(runs.repeats, runs.table.num_photographs), ""]
    for mine, other in pairs:
        rows = []
        for place in places:
            found = {measure: compare(runs.table, mine, other, measure, place) for measure in AGAINST}
            cells = [difference_cell(difference, measure) for measure, difference in found.items()]
            where = "all levels" if place is None and len(levels) > 1 else level_title((place or levels)[0])
            rows.append([where, *(f"{difference_words(cell)}: {cell['verdict']}" for cell in cells)])
        titles = [MEASURES[measure].difference_title for measure in AGAINST]
        lines += [f"{runs.title(mine)} against {runs.title(other)}:", "", *markdown_table(["", *titles], rows)]
    return Block(lines)


def curve(tables: Sequence[Kept], measure: str = "") -> Block:
    """Sharpness against PSNR: the weights of a loss joined by a line, all else as points."""
    runs = Photographs(tables)
    _check_steps(tables)
    measures = [measure] if measure else list(SHARPNESS)
    title = "Sharpness against PSNR: every loss and weight, and the classical methods"
    note = HOW_TO_READ_THE_PLANE + (
        " Bars reach from the least to the most of the repeats." if runs.repeats > 1 else ""
    )
    return Block([note, ""], sharpness_plane(runs.table, runs.losses, measures), title)


def tokens(tables: Sequence[Kept]) -> Block:
    """What the tokens of networks with a transformer are worth."""
    lines: list[str] = []
    for kept in tables:
        if not kept.facts.get("tokens"):
            raise InputError(f"The table {kept.name} has no network with a transformer.")
        uses = [
            TokenUse(use["network"], use["replaced"], Difference(**{name: use[name] for name in _DIFFERENCE}))
            for use in kept.facts["tokens"]
        ]
        lines += [*([f"{kept.name}:", ""] if len(tables) > 1 else []), *token_lines(uses, Photographs([kept]))]
    return Block(lines)


_DIFFERENCE = [field.name for field in dataclasses.fields(Difference)]


def training(tables: Sequence[Kept]) -> Block:
    """How the trainings went."""
    [kept] = tables
    records = {
        (one["repeat"], one["network"]): {"steps": one["steps"], "history": one["history"]}
        for one in kept.facts["trainings"]
    }
    names = list(kept.facts["networks"])
    kinds = {name: facts["network"] for name, facts in kept.facts["networks"].items()}
    figure = texture_curves(records, names, lambda name: network_title(name, kinds[name]))
    return Block([], figure, "Training loss and validation PSNR of every network over steps")


def _check_steps(tables: Sequence[Kept]) -> None:
    """Losses and weights are compared after the same training alone."""
    steps = {training["steps"]: kept.name for kept in tables for training in kept.facts["trainings"]}
    if len(steps) > 1:
        (first, one), (second, other) = list(steps.items())[:2]
        raise InputError(
            f"The networks of {one} and {other} cannot be compared: they were trained for {first:,} and "
            f"{second:,} steps."
        )


def _check_repeats(tables: Sequence[Kept]) -> None:
    """Differences are paired by repeat."""
    if len({kept.facts["repeats"] for kept in tables}) > 1:
        told = ", ".join(f"{kept.name} {kept.facts['repeats']}" for kept in tables)
        raise InputError(f"Networks are compared repeat by repeat, so that all tables have as many; received {told}.")


KINDS = {
    "verdicts": Kind(verdicts, tables=100),
    "rivals": Kind(rivals),
    "scores": Kind(scores, tables=100),
    "against": Kind(against, tables=2),
    "curve": Kind(curve, tables=100, options={"measure": SHARPNESS}),
    "tokens": Kind(tokens, tables=100),
    "training": Kind(training),
}
"""The kinds of block that a page can show of runs on photographs."""
