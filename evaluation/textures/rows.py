"""The rows of a report's tables, which its page and its Markdown share."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from evaluation.differences import Difference
from evaluation.measures import MEASURES, MINUS, PHOTOGRAPHS
from evaluation.table import INPUT
from evaluation.textures.baselines import BASELINES
from evaluation.textures.results import Results
from evaluation.textures.run import level_title, method_title
from evaluation.textures.sweep import Sweep
from evaluation.textures.table import Average, PictureTable
from evaluation.textures.tokens import REPLACEMENTS, TokenUse
from evaluation.textures.verdicts import Judgement

Title = Callable[[str], str]
"""What a method is called, such as `TextureRun.title`."""


class Methods(Protocol):
    """What a table knows of a run: its networks, and what its methods are called."""

    @property
    def names(self) -> list[str]:
        """The networks of one repeat."""

    @property
    def repeats(self) -> int:
        """How often each was trained."""

    @property
    def parameters(self) -> Mapping[str, int]:
        """Number of weights by network."""

    def title(self, name: str) -> str:
        """What a method is called."""


def score_rows(run: Methods, results: Results) -> list[dict]:
    """A row per method: its title, kind, cells `(value, interval, spread over repeats, is best)`, cost and weights."""
    table = results.table
    averages = {name: [table.average(name, measure) for measure in PHOTOGRAPHS] for name in _ordered(table)}
    names = list(averages)
    best = [
        names[MEASURES[measure].best([averages[name][place].value for name in names])]
        for place, measure in enumerate(PHOTOGRAPHS)
    ]
    rows = []
    for name, row in averages.items():
        cells = [
            (*_average_cell(mean, measure, run.repeats > 1 and name in run.names), name == first)
            for mean, measure, first in zip(row, PHOTOGRAPHS, best, strict=True)
        ]
        kind = "network" if name in run.names else "classical" if name in BASELINES else "input"
        cost = results.costs.get(name)
        rows.append(
            {
                "title": run.title(name),
                "kind": kind,
                "cells": [
                    (*cell[:3], cell[3] and measure != "checkerboard")  # less of it than none is no merit
                    for cell, measure in zip(cells, PHOTOGRAPHS, strict=True)
                ],
                "cost": "" if cost is None else f"{cost:,.0f}" if cost >= 10 else f"{cost:.2g}",
                "parameters": f"{run.parameters[name]:,}" if kind == "network" else "",
            }
        )
    return rows


def level_rows(results: Results, title: Title = method_title) -> list[dict]:
    """A row per method: its title, and for each noise level the PSNR, its interval and the verdict on its MSE there.

    The verdict is that against the classical method which was best on the validation photographs of that level.
    """
    verdicts = {judgement.method: judgement.by_level for judgement in results.networks}
    rows = []
    for name in _ordered(results.table):
        cells = []
        for level in results.table.levels:
            value, interval, _ = _average_cell(results.table.average(name, "psnr", [level]), "psnr", False)
            verdict = verdicts[name][level].verdict if name in verdicts else ""
            cells.append({"value": value, "interval": interval, "verdict": verdict})
        rows.append({"title": title(name), "cells": cells})
    return rows


def loss_level_rows(losses: Sequence[Judgement], title: Title = method_title) -> list[dict]:
    """A row per loss: for each noise level, the MSE minus that of the MSE model."""
    return [
        {
            "title": title(judgement.method),
            "cells": [difference_cell(difference, "mse") for difference in judgement.by_level.values()],
        }
        for judgement in losses
    ]


def _average_cell(mean: Average, measure: str, with_spread: bool) -> tuple[str, str, str]:
    """Value, interval over photographs, range over repeats."""
    write = MEASURES[measure]
    spread = write.interval(mean.least, mean.most) if with_spread else ""
    return write.text(mean.value), write.interval(mean.low, mean.high), spread


def _ordered(table: PictureTable) -> list[str]:
    """The noisy input, the classical methods, the networks: in the order of the table within each."""
    return sorted(table.methods, key=lambda name: 0 if name == INPUT else 1 if name in BASELINES else 2)


def judgement_table(judgements: Sequence[Judgement], title: Title = method_title) -> dict:
    """The titles of the measures, and a row per judgement."""
    measures = list(judgements[0].differences) if judgements else []
    return {
        "measures": [MEASURES[measure].difference_title for measure in measures],
        "rows": [
            {
                "title": title(judgement.method),
                "verdict": judgement.verdict,
                "mood": mood(judgement.verdict),
                "summary": judgement.summary,
                "cells": [difference_cell(found, measure) for measure, found in judgement.differences.items()],
            }
            for judgement in judgements
        ],
    }


def mood(verdict: str) -> str:
    """How a verdict is coloured: `better`, `worse` or `unclear`."""
    if verdict in ("better", "beats it"):
        return "better"
    return "unclear" if verdict == "unclear" else "worse"


def difference_cell(difference: Difference, measure: str) -> dict:
    """A difference as a report shows it."""
    write = MEASURES[measure]
    percent = f" ({difference.percent:+.1f} %)".replace("-", MINUS) if measure == "mse" else ""
    return {
        "value": write.signed(difference.value) + percent,
        "interval": write.interval(difference.low, difference.high, signed=True),
        "trainings": write.interval(difference.training_low, difference.training_high, signed=True),
        "verdict": difference.verdict,
    }


def token_rows(uses: Sequence[TokenUse], title: Title = method_title) -> list[dict]:
    """A row for every network and every replacement of its tokens: what changes, and whether the tokens help."""
    words = {"worse": "the tokens help", "better": "the tokens harm", "unclear": "unclear"}
    return [
        {
            "title": title(use.network),
            "replaced": REPLACEMENTS[use.replaced],
            **difference_cell(use.difference, "psnr"),
            "words": words[use.difference.verdict],
        }
        for use in uses
    ]


def sweep_rows(sweep: Sweep, title: Title = method_title) -> list[tuple[str, list[str]]]:
    """`(title, PSNR at each level)` of every method."""
    rows = []
    for name, values in sweep.curves.items():
        words = title(name) + (", tuned at each level" if name in BASELINES else "")
        rows.append((words, [MEASURES["psnr"].text(value) for value in values.mean(axis=0)]))
    return rows


def tuned_rows(results: Results) -> list[tuple[str, str, str, int, str]]:
    """`(noise level, title, setting, settings tried, MSE on validation)` of every classical method."""
    return [
        (
            "" if level is None else level_title(level),
            tuned.baseline.title,
            tuned.setting,
            len(tuned.baseline.candidates()),
            MEASURES["mse"].text(tuned.mse),
        )
        for level, methods in results.rivals.items()
        for tuned in methods.values()
    ]
