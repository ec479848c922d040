"""The HTML report: one file that needs no network."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from evaluation.differences import ENOUGH_REPEATS, Difference, caveat
from evaluation.digits.claims import HELD, NOT_HELD, Contrast, Finding
from evaluation.digits.names import TEST_SETS, full_label, label
from evaluation.digits.table import DigitTable
from evaluation.measures import DIGITS, MEASURES, MINUS
from evaluation.table import INPUT, markdown_table
from tf_denoise.pages import PageFigure, render_page
from tf_denoise.runs.writing import write_text

TEMPLATE = Path(__file__).parent.parent / "templates" / "digits.html"


def write_report(
    folder: Path,
    *,
    config: dict,
    environment: dict,
    tree: list[dict],
    records: dict[tuple[int, str], dict],
    table: DigitTable,
    answer: Sequence[str],
    findings: Sequence[Finding],
    figures: Sequence[PageFigure],
    tsne_points: int,
) -> Path:
    """Write `report.html` into the run folder, and its findings as `findings.md`.

    Args:
        folder: The run folder.
        config: Its configuration.
        environment: Versions and machine.
        tree: The networks of one repeat.
        records: Training records by (repeat, name).
        table: The scores.
        answer: The sentences that the report begins with.
        findings: The claims and what became of them.
        figures: Of the sections `answer`, `panels`, `digits`, `tsne` and `curves`.
        tsne_points: Test images in each t-SNE embedding.

    Returns:
        The path of the report.
    """
    path = folder / "report.html"
    html = render_page(
        TEMPLATE,
        figures,
        filters={"signed": lambda value, measure: MEASURES[measure].signed(value), "net": full_label},
        config=config,
        environment=environment,
        networks=[_network_row(network, config["repeats"], records) for network in tree],
        classifier=records[0, "classifier"],
        stopped=[(place, r["stopped"]) for place, r in records.items() if r["stopped"]],
        caveat=caveat(config["repeats"]),
        enough=ENOUGH_REPEATS,
        answer=answer,
        held=HELD,
        not_held=NOT_HELD,
        findings=[_finding_view(finding) for finding in findings],
        scores=score_table(table, [network["name"] for network in tree]),
        measures=[MEASURES[measure] for measure in DIGITS],
        test_sets=TEST_SETS,
        tsne_points=tsne_points,
        seconds=sum(record["seconds"] for record in records.values()),
    )
    write_text(path, html)
    write_text(folder / "findings.md", markdown_findings(findings, config["repeats"]))
    return path


def score_table(table: DigitTable, names: Sequence[str]) -> list[dict]:
    """The eight measures of every network on 50 % and mixed noise, unrounded where there is an unrounded value."""
    rows = []
    for name in [INPUT, *names]:
        row: dict = {"name": name}
        for test_set in ("50%", "mixed"):
            for measure in DIGITS:
                rounded = measure == "pixel_accuracy"
                scores = table.over_repeats(name, test_set, measure, rounded=rounded)
                text = MEASURES[measure].text(float(np.mean([s.value for s in scores])))
                lows = [s.low for s in scores if s.low is not None]
                interval = ""
                if lows and len(scores) == 1:
                    interval = MEASURES[measure].interval(lows[0], scores[0].high)
                elif len(scores) > 1 and name != INPUT:
                    values = [s.value for s in scores]
                    interval = MEASURES[measure].interval(min(values), max(values))
                row[test_set, measure] = (text, interval)
        rows.append(row)
    return rows


def markdown_findings(findings: Sequence[Finding], repeats: int) -> str:
    """The findings as Markdown, for a page of documentation."""
    lines = [caveat(repeats), ""]
    for finding in findings:
        measures = list(dict.fromkeys(contrast.measure for contrast in finding.contrasts))
        lines += [f"**{finding.claim}: {finding.verdict}.**", ""]
        lines += [f"- {sentence}" for sentence in finding.summary]
        rows = []
        for pair in dict.fromkeys((contrast.network, contrast.against) for contrast in finding.contrasts):
            mine = [contrast for contrast in finding.contrasts if (contrast.network, contrast.against) == pair]
            title = _title(mine[0], _has_several_rivals(finding))
            rows.append([title, *(_markdown_cell(contrast) for contrast in mine)])
        lines += ["", *markdown_table(["on mixed noise", *(MEASURES[measure].title for measure in measures)], rows)]
    return "\n".join(lines)


def _markdown_cell(contrast: Contrast) -> str:
    measure, mixed = MEASURES[contrast.measure], contrast.differences["mixed"]
    verdicts = contrast.verdicts
    words = ("higher", "lower") if measure.better == "neither" else ("better", "worse")
    counts = f"{verdicts.count('better')} {words[0]}, {verdicts.count('worse')} {words[1]} of {len(verdicts)}"
    trainings = measure.interval(mixed.training_low, mixed.training_high, signed=True)
    interval = measure.interval(mixed.low, mixed.high, signed=True)
    value = measure.signed(mixed.value)
    value = value if mixed.verdict == "unclear" else f"**{value}**"
    return f"{value} ({interval}{f'; trainings {trainings}' if trainings else ''}); {counts}"


def _finding_view(finding: Finding) -> dict:
    measures = list(dict.fromkeys(contrast.measure for contrast in finding.contrasts))
    several = _has_several_rivals(finding)
    return {
        "claim": finding.claim,
        "verdict": finding.verdict,
        "summary": finding.summary,
        "tables": [
            {
                "measure": measure,
                "title": MEASURES[measure].title,
                "rows": [_contrast_view(c, several) for c in finding.contrasts if c.measure == measure],
            }
            for measure in measures
        ],
    }


def _has_several_rivals(finding: Finding) -> bool:
    """Whether a network of the finding is held against more than one other."""
    pairs = {(contrast.network, contrast.against) for contrast in finding.contrasts}
    return len(pairs) > len({network for network, _ in pairs})


def _title(contrast: Contrast, names_rival: bool) -> str:
    """What a row of a finding is called: the rival alone, where the finding is on one network of each branch."""
    title = full_label(contrast.network)
    return f"{title.split(':')[0]}: against {label(contrast.against)}" if names_rival else title


def _contrast_view(contrast: Contrast, names_rival: bool) -> dict:
    return {
        "title": _title(contrast, names_rival),
        "mixed": contrast.differences["mixed"],
        "cells": [_cell(name, found, contrast.measure) for name, found in contrast.differences.items()],
    }


def _cell(test_set: str, difference: Difference, measure: str) -> dict:
    write = MEASURES[measure]
    relative = measure in ("mse", "mae", "unequal_pixels")
    trainings = write.interval(difference.training_low, difference.training_high, signed=True)
    text = f"{difference.percent:+.1f} %" if relative else f"{difference.value:+.3f}"
    return {
        "text": text.replace("-", MINUS),
        "verdict": difference.verdict if write.better != "neither" else _neutral(difference.verdict),
        "title": (
            f"{test_set}: {write.signed(difference.value)}; 95 % over images "
            f"{write.interval(difference.low, difference.high, signed=True)}"
            f"{f'; over trainings {trainings}' if trainings else ''}; {difference.verdict}"
        ),
    }


def _neutral(verdict: str) -> str:
    """A wider gap is neither better nor worse: it is only up or down."""
    return {"better": "up", "worse": "down"}.get(verdict, verdict)


def _network_row(network: dict, repeats: int, records: dict[tuple[int, str], dict]) -> dict:
    mine = [records[repeat, network["name"]] for repeat in range(1, repeats + 1)]
    return {
        **network,
        "title": full_label(network["name"]),
        "hidden_units": network.get("hidden_units"),
        "multiply_adds": network.get("multiply_adds"),
        "epochs": mine[0]["epochs"],
        "steps": mine[0]["steps"],
        "seconds": float(np.mean([record["seconds"] for record in mine])),
    }
