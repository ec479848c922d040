"""Several finished runs side by side: their networks, the main measures, and the intervals that the runs keep."""

import dataclasses
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from evaluation.digits.names import TEST_SETS, full_label
from evaluation.measures import MEASURES
from evaluation.stored import StoredOptions
from evaluation.table import Table
from evaluation.textures.run import method_title, network_title
from tf_denoise.errors import InputError
from tf_denoise.paths import real_path
from tf_denoise.runs.folder import read_json

SCORES_FILE = "scores.json"
MAIN = {
    "iterative": ("mse", "psnr", "ssim", "classifier_accuracy"),
    "textures": ("mse", "psnr", "ssim", "gmsd"),
}
"""The measures that are shown, by the command of the run."""
TITLES = {"iterative": "Digits", "textures": "Photographs"}


@dataclasses.dataclass(frozen=True)
class Entry:
    """One measure of one network of a run.

    Attributes:
        run: What the run is called.
        command: The command of the run, `iterative` or `textures`.
        test_set: The test set of digits; nothing for photographs.
        network: The network or method.
        title: What that is called.
        measure: The name of the measure.
        value: Its mean over test images, and over repeats.
        low: Lower end of its 95 % interval over test images, where the run keeps one.
        high: Upper end.
        least: Least of the repeats.
        most: Largest of the repeats.
        repeats: How often the network was trained; 1 for what is not trained.
    """

    run: str
    command: str
    test_set: str
    network: str
    title: str
    measure: str
    value: float
    low: float | None
    high: float | None
    least: float
    most: float
    repeats: int


def summarise(runs: Sequence[Path], test_set: str = "mixed") -> Table:
    """The main measures of all networks of finished runs.

    Args:
        runs: The run folders.
        test_set: The test set of runs on digits, such as `mixed` or `50%`.

    Raises:
        InputError: If a folder is not a run, or one that was not evaluated, or there is no such test set.
    """
    runs = list({real_path(run): run for run in runs}.values())
    if not runs:
        raise InputError("summary takes one or more run folders; received none.")
    if test_set not in TEST_SETS:
        raise InputError(f"--test-set is one of {', '.join(TEST_SETS)}; received {test_set!r}.")
    entries: list[Entry] = []
    for run, title in zip(runs, _titles(runs), strict=True):
        options = StoredOptions(run)
        if options.noisy_only:
            raise InputError(
                f"{run} learned from noisy photographs alone: it has no table of scores; its report.html has estimates."
            )
        if not os.path.exists(run / SCORES_FILE):
            raise InputError(f"The run in {run} is not evaluated yet; python -m evaluation {run} does it.")
        stored = read_json(run / SCORES_FILE)
        kind = None if options.command == "iterative" else options["network"]
        try:
            if options.command == "iterative":
                rows = list(_of_digits(stored, test_set))
            else:
                rows = list(_of_photographs(stored, kind))
        except (KeyError, TypeError, ValueError, AttributeError):
            rows = []
        if not rows:
            raise InputError(f"{run / SCORES_FILE} is damaged: expected the scores of a run; evaluate it again.")
        entries += [Entry(title, options.command, *row) for row in rows]
    if test_set != "mixed" and all(entry.command != "iterative" for entry in entries):
        raise InputError("--test-set is of runs on digits, and none of these is one; leave it out.")
    return Table(entries)


def _titles(runs: Sequence[Path]) -> list[str]:
    """The name of each run's folder; its path where two have the same name."""
    names = [real_path(run).name for run in runs]
    return names if len(set(names)) == len(names) else [str(run) for run in runs]


def _of_digits(stored: list[dict], test_set: str) -> Iterator[tuple]:
    found: dict[tuple[str, str], list[dict]] = {}
    for row in stored:
        if row["test_set"] == test_set and not row["rounded"] and not row["renoised"]:
            found.setdefault((row["network"], row["measure"]), []).append(row)
    for network in dict.fromkeys(network for network, _ in found):
        for measure in MAIN["iterative"]:
            rows = found[network, measure]
            values = [float(row["value"]) for row in rows]
            ends = (rows[0]["low"], rows[0]["high"]) if len(rows) == 1 else (None, None)
            spread = (min(values), max(values))
            yield test_set, network, full_label(network), measure, float(np.mean(values)), *ends, *spread, len(rows)


def _of_photographs(stored: dict, network: str | None) -> Iterator[tuple]:
    repeats = len({row["repeat"] for row in stored["pictures"]} - {0})
    for method, scores in stored["methods"].items():
        is_network = scores["parameters"] is not None
        title = network_title(method, network) if is_network else method_title(method)
        for measure in MAIN["textures"]:
            row = scores[measure]
            ends = tuple(row[end] for end in ("low", "high", "least", "most"))
            yield "", method, title, measure, float(row["value"]), *ends, repeats if is_network else 1


def as_text(table: Table) -> str:
    """The table for a terminal: a row per network and run, those of a network below each other.

    Args:
        table: What `summarise` gave.
    """
    parts = []
    for command in table.distinct("command"):
        measures = [MEASURES[measure] for measure in MAIN[command]]
        head = [_heading(table, command), "run", "repeats", *(measure.heading for measure in measures)]
        rows = []
        for title in dict.fromkeys(row.title for row in table.select(command=command)):
            for run in dict.fromkeys(row.run for row in table.select(command=command, title=title)):
                mine = [table.select(run=run, title=title, measure=m.name)[0] for m in measures]
                rows.append([title, run, str(mine[0].repeats), *(_cell(entry) for entry in mine)])
        parts.append("\n".join(_aligned([head, *rows])))
    parts.append(
        "In round brackets: the 95 % interval over test images, as the run keeps it. In square ones, of several "
        "repeats of a network on digits: the least and the largest."
    )
    return "\n\n".join(parts)


def _heading(table: Table, command: str) -> str:
    test_set = table.select(command=command)[0].test_set
    return TITLES[command] + (f", {'mixed noise' if test_set == 'mixed' else test_set}" if test_set else "")


def _cell(entry: Entry) -> str:
    measure = MEASURES[entry.measure]
    interval = measure.interval(entry.low, entry.high)
    if not interval and entry.repeats > 1:
        return f"{measure.text(entry.value)} [{measure.interval(entry.least, entry.most)}]"
    return measure.text(entry.value) + (f" ({interval})" if interval else "")


def _aligned(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    """Rows with columns of equal width, and a line below the first."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [lines[0], "-" * (sum(widths) + 2 * len(widths) - 2), *lines[1:]]
