"""The report on a run on photographs: one HTML file that needs no network, and its tables as Markdown."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from evaluation.digits.claims import Difference
from evaluation.digits.report import number, render_page, signed
from evaluation.digits.scoring import INPUT
from evaluation.textures.baselines import BASELINES, TUNING_PICTURES, TUNING_SIDE, Tuned
from evaluation.textures.run import TextureRun, method_title
from evaluation.textures.scoring import CHECKERBOARD_PERIOD, MEASURES, Sweep, TextureTable
from evaluation.textures.verdicts import LEAST_PICTURES, Judgement, best_baseline, caveats, setbacks
from tf_denoise.runs.folder import write_text

ARROWS = {"lower": "↓", "higher": "↑", "closer to 1": "→ 1"}


@dataclasses.dataclass(frozen=True)
class Results:
    """What an evaluation found.

    Attributes:
        table: The scores.
        tuned: The classical methods by name.
        losses: The verdict on each loss.
        networks: Each network against the best classical method.
        costs: Milliseconds per megapixel by method.
        sweep: PSNR over noise, if it was asked for.
    """

    table: TextureTable
    tuned: dict[str, Tuned]
    losses: Sequence[Judgement]
    networks: Sequence[Judgement]
    costs: dict[str, float]
    sweep: Sweep | None = None


def write_texture_report(
    folder: Path, run: TextureRun, results: Results, figures: Sequence[tuple[str, str, str, bytes]]
) -> Path:
    """Write `report.html` and `findings.md` into the run folder.

    Args:
        folder: The run folder.
        run: What was run.
        results: What was found.
        figures: `(section, file name, description, PNG)`, sections `crops`, `sweep`, `cost` and `curves`.

    Returns:
        The path of the report.
    """
    rival = best_baseline(results.tuned)
    html = render_page(
        "textures.html",
        figures,
        run=run,
        results=results,
        caveats=_caveats(run),
        headline=headline(results.losses),
        rival=method_title(rival),
        tables=[_judgement_table(judgements) for judgements in (results.losses, results.networks)],
        scores=score_rows(run, results),
        measures=[f"{title} {ARROWS[better]}" for title, better in MEASURES.values()],
        sweep=_sweep_rows(results.sweep) if results.sweep else None,
        tuned=[(t.baseline.title, t.setting, len(t.baseline.candidates()), t.mse) for t in results.tuned.values()],
        training=_training_rows(run),
        stopped=[
            (method_title(name), repeat, r["stopped"]) for (repeat, name), r in run.records.items() if r["stopped"]
        ],
        seconds=sum(record["seconds"] for record in run.records.values()),
        megapixels=sum(picture.megapixels for picture in run.test),
        limits={"tuning": TUNING_PICTURES, "side": TUNING_SIDE, "period": CHECKERBOARD_PERIOD, "least": LEAST_PICTURES},
    )
    path = folder / "report.html"
    write_text(path, html)
    write_text(folder / "findings.md", markdown(run, results))
    return path


def headline(losses: Sequence[Judgement]) -> str:
    """The answer to the question which loss is best, in a sentence.

    Example:
        >>> headline([Judgement("wavelet", "mse", "better", (), {}), Judgement("regional", "mse", "unclear", (), {})])
        'By the rule, 1 of 2 other losses is better than the mean squared error alone: wavelet.'
    """
    if not losses:
        return (
            "No verdict on losses: it takes a network trained with the MSE alone and one with another loss beside it."
        )
    better = [judgement.method.replace("_", " ") for judgement in losses if judgement.verdict == "better"]
    count = "the one other loss" if len(losses) == 1 else f"{len(better) or 'none'} of {len(losses)} other losses"
    verb = "are" if len(better) > 1 else "is"
    if not better and len(losses) == 1:
        verb = "is not"
    which = f": {', '.join(better)}" if better else ""
    return f"By the rule, {count} {verb} better than the mean squared error alone{which}."


def score_rows(run: TextureRun, results: Results) -> list[dict]:
    """A row per method: its title, kind, cells `(value, interval, spread over repeats, is best)`, cost and weights."""
    table = results.table
    averages = {name: {measure: table.average(name, measure) for measure in MEASURES} for name in _ordered(table)}
    best = {
        m: _best(m, {name: row[m].value for name, row in averages.items()}) for m in MEASURES if m != "checkerboard"
    }
    rows = []
    for name, row in averages.items():
        cells = []
        for measure, mean in row.items():
            value, low, high, least, most = (number(x, measure) for x in dataclasses.astuple(mean))
            spread = f"{least} to {most}" if run.repeats > 1 and name in run.names else ""
            cells.append((value, f"{low} to {high}", spread, name == best.get(measure)))
        kind = "network" if name in run.names else "classical" if name in BASELINES else "input"
        cost = results.costs.get(name)
        rows.append(
            {
                "title": method_title(name),
                "kind": kind,
                "cells": cells,
                "cost": "" if cost is None else f"{cost:,.0f}" if cost >= 10 else f"{cost:.2g}",
                "parameters": f"{run.parameters[name]:,}" if kind == "network" else "",
            }
        )
    return rows


def _ordered(table: TextureTable) -> list[str]:
    """The noisy input, the classical methods, the networks: in the order of the table within each."""
    return sorted(table.methods, key=lambda name: 0 if name == INPUT else 1 if name in BASELINES else 2)


def _best(measure: str, values: dict[str, float]) -> str:
    better = MEASURES[measure][1]
    worth = {"lower": lambda value: value, "higher": lambda value: -value, "closer to 1": lambda value: abs(value - 1)}
    return min(values, key=lambda name: worth[better](values[name]))


def _judgement_table(judgements: Sequence[Judgement]) -> dict:
    measures = list(judgements[0].differences) if judgements else []
    return {
        "measures": [_difference_title(measure) for measure in measures],
        "rows": [
            {
                "title": method_title(judgement.method),
                "verdict": judgement.verdict,
                "mood": mood(judgement.verdict),
                "summary": judgement.summary,
                "cells": [_cell(difference, measure) for measure, difference in judgement.differences.items()],
            }
            for judgement in judgements
        ],
    }


def mood(verdict: str) -> str:
    """How a verdict is coloured: `better`, `worse` or `unclear`."""
    if verdict in ("better", "beats it"):
        return "better"
    return "unclear" if verdict == "unclear" else "worse"


def _difference_title(measure: str) -> str:
    if MEASURES[measure][1] == "closer to 1":
        return f"{MEASURES[measure][0]}: distance from 1"
    return MEASURES[measure][0]


def _cell(difference: Difference, measure: str) -> dict:
    numbers = (difference.value, difference.low, difference.high, difference.least, difference.most)
    value, low, high, least, most = (signed(number, measure) for number in numbers)
    percent = f" ({difference.percent:+.1f} %)".replace("-", "\N{MINUS SIGN}") if measure == "mse" else ""
    return {
        "value": value + percent,
        "interval": f"{low} to {high}",
        "spread": f"{least} to {most}",
        "verdict": difference.verdict,
    }


def _sweep_rows(sweep: Sweep) -> list[tuple[str, list[str]]]:
    rows = []
    for name, values in sweep.curves.items():
        title = method_title(name) + (", tuned at each level" if name in BASELINES else "")
        rows.append((title, [number(value, "psnr") for value in values.mean(axis=0)]))
    return rows


def _training_rows(run: TextureRun) -> list[dict]:
    rows = []
    for name in run.names:
        mine = [run.records[repeat, name] for repeat in range(1, run.repeats + 1)]
        psnr = [max(record["history"]["val_psnr"]) for record in mine if record["history"].get("val_psnr")]
        rows.append(
            {
                "title": method_title(name),
                "parameters": run.parameters[name],
                "steps": [record["steps"] for record in mine],
                "minutes": float(np.mean([record["seconds"] for record in mine])) / 60,
                "psnr": float(np.mean(psnr)) if psnr else None,
            }
        )
    return rows


def markdown(run: TextureRun, results: Results) -> str:
    """The verdicts and tables as Markdown, for a page of documentation."""
    lines = [run.data["description"], "", *_caveats(run), ""]
    lines += [f"**{headline(results.losses)}**", ""]
    for judgements, whom in ((results.losses, "the MSE model"), (results.networks, _rival(results))):
        table = _judgement_table(judgements)
        if table["rows"]:
            cells = [[r["title"], r["verdict"], *(_markdown_cell(c, run) for c in r["cells"])] for r in table["rows"]]
            lines += _markdown_table([f"against {whom}", "verdict", *table["measures"]], cells)
    for row in _judgement_table(results.losses)["rows"]:
        lines.append(f"- {row['title']}: {row['verdict']}. {' '.join(row['summary'])}")
    lines += [""] if results.losses else []
    titles = [f"{title} {ARROWS[better]}" for title, better in MEASURES.values()]
    cells = [
        [r["title"], *(f"{v} ({i})" for v, i, _, _ in r["cells"]), r["cost"], r["parameters"]]
        for r in score_rows(run, results)
    ]
    lines += _markdown_table(["method", *titles, "ms per megapixel", "weights"], cells)
    if results.sweep:
        head = ["PSNR (dB) at sigma", *(f"{sigma:g}" for sigma in results.sweep.sigmas)]
        lines += _markdown_table(head, [[title, *values] for title, values in _sweep_rows(results.sweep)])
    cells = [[t.baseline.title, t.setting or "none"] for t in results.tuned.values()]
    return "\n".join(lines + _markdown_table(["classical method", "tuned on validation photographs to"], cells))


def _caveats(run: TextureRun) -> list[str]:
    return [*caveats(run.repeats, len(run.test)), *setbacks(run.records)]


def _rival(results: Results) -> str:
    return f"{method_title(best_baseline(results.tuned))}, the best classical method on the validation photographs"


def _markdown_cell(cell: dict, run: TextureRun) -> str:
    spread = f"; repeats {cell['spread']}" if run.repeats > 1 else ""
    return f"{cell['value']} ({cell['interval']}{spread}): {cell['verdict']}"


def _markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    escaped = ([str(cell).replace("|", "\\|") for cell in row] for row in (head, *rows))
    lines = [f"| {' | '.join(row)} |" for row in escaped]
    return [lines[0], "|---" * len(head) + "|", *lines[1:], ""]
