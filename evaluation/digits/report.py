"""The HTML report: one file that needs no network."""

import base64
from collections.abc import Sequence
from pathlib import Path

import jinja2
import numpy as np

from evaluation.digits.claims import HELD, NOT_HELD, Comparison, Difference, Finding, caveat
from evaluation.digits.figures import label, root_title
from evaluation.digits.scoring import INPUT, MEASURES, TEST_SETS, Table
from tf_denoise.runs.folder import write_text

MINUS = "\N{MINUS SIGN}"
DIGITS_OF_MEASURE = {
    "psnr": 2,
    "pixel_frechet_distance": 3,
    "mse": 5,
    "high_frequency_ratio": 3,
    "radial_spectrum_error": 2,
    "checkerboard": 3,
    "discoloration": 5,
}


def write_report(
    folder: Path,
    *,
    config: dict,
    environment: dict,
    tree: list[dict],
    records: dict[tuple[int, str], dict],
    table: Table,
    findings: Sequence[Finding],
    figures: Sequence[tuple[str, str, str, bytes]],
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
        findings: The claims and what became of them.
        figures: `(section, file name, description, PNG)`.
        tsne_points: Test images in each t-SNE embedding.

    Returns:
        The path of the report.
    """
    path = folder / "report.html"
    html = render_page(
        "report.html",
        figures,
        config=config,
        environment=environment,
        networks=[_network_row(network, config["repeats"], records) for network in tree],
        classifier=records[0, "classifier"],
        stopped=[(place, r["stopped"]) for place, r in records.items() if r["stopped"]],
        caveat=caveat(config["repeats"]),
        held=HELD,
        not_held=NOT_HELD,
        findings=[_finding_view(finding) for finding in findings],
        scores=score_table(table, [network["name"] for network in tree]),
        measures=MEASURES,
        test_sets=TEST_SETS,
        tsne_points=tsne_points,
        seconds=sum(record["seconds"] for record in records.values()),
    )
    write_text(path, html)
    write_text(folder / "findings.md", markdown_findings(findings, config["repeats"]))
    return path


def render_page(template: str, figures: Sequence[tuple[str, str, str, bytes]], **context) -> str:
    """A page of HTML that holds its figures in itself.

    Args:
        template: Name of a file in `templates/`.
        figures: `(section, file name, description, PNG)`; the template finds (description, address) by section.
        **context: What the template refers to; everything is escaped.

    Returns:
        The page.
    """
    loader = jinja2.FileSystemLoader(Path(__file__).parent.parent / "templates")
    page = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    page.filters |= {"signed": signed, "number": number, "net": full_label}
    sections: dict[str, list[tuple[str, str]]] = {}
    for section, _, description, png in figures:
        source = "data:image/png;base64," + base64.b64encode(png).decode()
        sections.setdefault(section, []).append((description, source))
    return page.get_template(template).render(figures=sections, **context)


def full_label(name: str) -> str:
    """A network's name in a table.

    Example:
        >>> full_label("one_level/25"), full_label("multi_level")
        ('One-level: child 25', 'Multi-level: parent')
    """
    if name == INPUT:
        return "Noisy input"
    return f"{root_title(name.split('/')[0]).removesuffix(' parent')}: {label(name)}"


def number(value: float, measure: str) -> str:
    """A value with the decimals that its measure deserves.

    Example:
        >>> number(0.0123456, "mse"), number(21.276, "psnr")
        ('0.01235', '21.28')
    """
    return f"{value:.{DIGITS_OF_MEASURE.get(measure, 4)}f}"


def signed(value: float, measure: str) -> str:
    r"""A difference with its sign, and a true minus.

    Example:
        >>> signed(-0.0012, "ssim")
        '\u22120.0012'
    """
    return f"{value:+.{DIGITS_OF_MEASURE.get(measure, 4)}f}".replace("-", MINUS)


def score_table(table: Table, names: Sequence[str]) -> list[dict]:
    """The eight measures of every network on 50 % and mixed noise, unrounded where there is an unrounded value."""
    rows = []
    for name in [INPUT, *names]:
        row = {"name": name}
        for test_set in ("50%", "mixed"):
            for measure in MEASURES:
                rounded = measure == "pixel_accuracy"
                scores = table.over_repeats(name, test_set, measure, rounded=rounded)
                text = number(float(np.mean([s.value for s in scores])), measure)
                lows = [s.low for s in scores if s.low is not None]
                interval = ""
                if lows and len(scores) == 1:
                    interval = f"{number(lows[0], measure)} to {number(scores[0].high, measure)}"
                elif len(scores) > 1 and name != INPUT:
                    values = [s.value for s in scores]
                    interval = f"{number(min(values), measure)} to {number(max(values), measure)}"
                row[test_set, measure] = (text, interval)
        rows.append(row)
    return rows


def markdown_findings(findings: Sequence[Finding], repeats: int) -> str:
    """The findings as Markdown, for a page of documentation."""
    lines = [caveat(repeats), ""]
    for finding in findings:
        measures = list(dict.fromkeys(comparison.measure for comparison in finding.comparisons))
        lines += [f"**{finding.claim}: {finding.verdict}.**", ""]
        lines += [f"- {sentence}" for sentence in finding.summary]
        lines += [
            "",
            f"| on mixed noise | {' | '.join(map(_measure_title, measures))} |",
            "|---" * (len(measures) + 1) + "|",
        ]
        for network in dict.fromkeys(comparison.network for comparison in finding.comparisons):
            mine = [comparison for comparison in finding.comparisons if comparison.network == network]
            cells = [_markdown_cell(comparison, repeats) for comparison in mine]
            lines.append(f"| {full_label(network)} | {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


def _markdown_cell(comparison: Comparison, repeats: int) -> str:
    mixed = comparison.on("mixed")
    value, low, high, least, most = (
        signed(number, comparison.measure) for number in (mixed.value, mixed.low, mixed.high, mixed.least, mixed.most)
    )
    verdicts = [difference.verdict for difference in comparison.differences]
    words = ("higher", "lower") if comparison.measure == "unequal_pixels" else ("better", "worse")
    counts = f"{verdicts.count('better')} {words[0]}, {verdicts.count('worse')} {words[1]} of {len(verdicts)}"
    spread = f"; repeats {least} to {most}" if repeats > 1 else ""
    return f"**{value}** ({low} to {high}{spread}); {counts}"


def _measure_title(measure: str) -> str:
    if measure == "unequal_pixels":
        return "Mean difference of the unequal pixels"
    return MEASURES[measure][0]


def _finding_view(finding: Finding) -> dict:
    measures = list(dict.fromkeys(comparison.measure for comparison in finding.comparisons))
    return {
        "claim": finding.claim,
        "verdict": finding.verdict,
        "summary": finding.summary,
        "tables": [
            {
                "measure": measure,
                "title": _measure_title(measure),
                "rows": [_comparison_view(c) for c in finding.comparisons if c.measure == measure],
            }
            for measure in measures
        ],
    }


def _comparison_view(comparison: Comparison) -> dict:
    return {
        "network": comparison.network,
        "mixed": comparison.on("mixed"),
        "cells": [_cell(difference, comparison.measure) for difference in comparison.differences],
    }


def _cell(difference: Difference, measure: str) -> dict:
    relative = measure in ("mse", "mae", "unequal_pixels")
    text = f"{difference.percent:+.1f} %" if relative else f"{difference.value:+.3f}"
    return {
        "text": text.replace("-", MINUS),
        "verdict": difference.verdict if measure != "unequal_pixels" else _neutral(difference.verdict),
        "title": (
            f"{difference.test_set}: {signed(difference.value, measure)}; 95 % over images "
            f"{signed(difference.low, measure)} to {signed(difference.high, measure)}; over repeats "
            f"{signed(difference.least, measure)} to {signed(difference.most, measure)}; {difference.verdict}"
        ),
    }


def _neutral(verdict: str) -> str:
    """A wider gap is neither better nor worse: it is only up or down."""
    return {"better": "up", "worse": "down"}.get(verdict, verdict)


def _network_row(network: dict, repeats: int, records: dict[tuple[int, str], dict]) -> dict:
    mine = [records[repeat, network["name"]] for repeat in range(1, repeats + 1)]
    return {
        **network,
        "epochs": mine[0]["epochs"],
        "steps": mine[0]["steps"],
        "seconds": float(np.mean([record["seconds"] for record in mine])),
    }
