"""Keeps a finished run as a small table in docs/tables/, so that no page depends on a run folder."""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluation.digits.contrasts import CONTRASTS_FILE
from evaluation.measures import DIGITS, MEASURES, PHOTOGRAPHS
from evaluation.source import SCORED_FILE
from evaluation.stored import StoredOptions
from evaluation.textures.trainings import setbacks
from renewing.commands import command_line
from renewing.kept import TABLES
from renewing.places import nameless
from tf_denoise.errors import InputError
from tf_denoise.losses.named import loss_of
from tf_denoise.noise.described import noise_in_words
from tf_denoise.runs.contents import read_parents
from tf_denoise.runs.folder import CLASSIFIER_FOLDER, ENVIRONMENT_FILE, RECORD_FILE, network_folder, read_json
from tf_denoise.runs.writing import write_json, write_text

SCORES_FILE = "scores.json"
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_MACHINE = ("processor", "machine", "cores", "devices", "python", "tensorflow", "keras", "numpy")
_FURTHER = 2
"""Decimals of a kept value beyond those that a page shows."""


def keep(run: Path, name: str, folder: Path = TABLES) -> list[Path]:
    """Write NAME.csv, NAME.json and, of digits, NAME.contrasts.csv.

    Args:
        run: The folder of a finished and evaluated run.
        name: What the table is called: small letters, digits and hyphens.
        folder: Where it is written.

    Returns:
        The files.

    Raises:
        InputError: If the folder is no such run, or does not say which state of the code it is of.
    """
    facts = facts_of(run, name)
    options = StoredOptions(run)
    texts = {f"{name}.csv": (_digits if options.command == "iterative" else _photographs)(run, options, facts)}
    if options.command == "iterative":
        texts[f"{name}.contrasts.csv"] = _read_text(run / CONTRASTS_FILE)
    for file, text in texts.items():
        write_text(folder / file, text)
    write_json(folder / f"{name}.json", nameless(facts, [run, *places_of(options)]))
    return [folder / file for file in (*texts, f"{name}.json")]


def facts_of(run: Path, name: str) -> dict[str, Any]:
    """What every kept table says of its run: command, states of the code, machine, hours, repeats, falls.

    Args:
        run: The run folder.
        name: What the table is to be called.

    Raises:
        InputError: If the folder is not a finished and evaluated run, or the name is none.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f"A table is called by small letters, digits and hyphens, such as roads-losses; received {name!r}."
        )
    options = StoredOptions(run)
    if options.noisy_only:
        raise InputError(
            f"{run} learned from noisy photographs alone: it has no table of scores that a page could show."
        )
    for file in (SCORES_FILE, SCORED_FILE, *([CONTRASTS_FILE] if options.command == "iterative" else [])):
        if not (run / file).exists():
            raise InputError(f"The run in {run} has no {file}: python -m evaluation {run} writes it.")
    environment = read_json(run / ENVIRONMENT_FILE)
    if "source" not in environment:
        raise InputError(
            f"The run in {run} does not say which state of the code it was trained with: it is of an older version. "
            "Train it again."
        )
    repeats = max(int(row["repeat"]) for row in _scores(run, options))
    records = read_records(run, repeats)
    if options.command == "iterative":
        records[0, CLASSIFIER_FOLDER] = read_json(run / CLASSIFIER_FOLDER / RECORD_FILE)
    return {
        "kind": options.command,
        "command": command_line(nameless(dict(options), places_of(options))),
        "trained": environment["source"],
        "resumed": environment.get("resumed", []),
        "scored": read_json(run / SCORED_FILE),
        "machine": {key: environment[key] for key in _MACHINE if key in environment},
        "hours": round(sum(record["seconds"] for record in records.values()) / 3600, 4),
        "repeats": repeats,
        "falls": list(_falls(records)),
    }


def read_records(run: Path, repeats: int) -> dict[tuple[int, str], dict]:
    """The training record of every network of the first repeats, by (repeat, name).

    Raises:
        InputError: If one is still to be trained.
    """
    places = [(repeat, name) for repeat in range(1, repeats + 1) for name in read_parents(run)]
    for place in places:
        if not (network_folder(run, *place) / RECORD_FILE).exists():
            raise InputError(
                f"The run in {run} is not finished: {place[1]}, repeat {place[0]}, is still to be trained. Repeat its "
                "command to go on."
            )
    return {place: read_json(network_folder(run, *place) / RECORD_FILE) for place in places}


def _scores(run: Path, options: StoredOptions) -> list[dict]:
    stored = read_json(run / SCORES_FILE)
    try:
        return stored if options.command == "iterative" else stored["pictures"]
    except (KeyError, TypeError):
        raise InputError(f"{run / SCORES_FILE} is damaged: expected the scores of a run; evaluate it again.") from None


def _falls(records: Mapping[tuple[int, str], dict]) -> Iterable[dict]:
    """Every fall in the words of the record, those that were not led back, and trainings that ended early."""
    for (repeat, name), record in records.items():
        place = {"repeat": repeat, "network": name}
        for fall in record.get("falls") or []:
            yield {**place, "why": f"{fall['why']}; back to the best weights", "led_back": True}
        for sentence in setbacks({(repeat, name): record}):
            yield {**place, "why": sentence.partition(": ")[2].partition(". ")[0], "led_back": False}
        if record.get("stopped"):
            yield {**place, "why": record["stopped"], "led_back": False}


def _photographs(run: Path, options: StoredOptions, facts: dict[str, Any]) -> str:
    """The rows: a method, a photograph and a noise level each, a column per measure. Adds to the facts."""
    stored, data = read_json(run / SCORES_FILE), read_json(run / "data.json")
    classical = [(row["level"], row["method"], row["validation_mse"]) for row in stored["classical"]]
    levels = dict.fromkeys(level for level, _, _ in classical)
    noise = (
        "as the noisy photographs have it"
        if options["clean"] is not None
        else noise_in_words(
            options["noise"], sigma_255=options["sigma"], level=options["level"], photons=options["photons"]
        )
    )
    counts = ", ".join(f"{len(data[part])} to {verb}" for part, verb in _PARTS.items())
    names, methods = list(read_parents(run)), stored["methods"]
    facts |= {
        "data": f"{data['description']} ({counts}); noise: {noise}",
        "rivals": [[level, min((mse, method) for at, method, mse in classical if at == level)[1]] for level in levels],
        "milliseconds": {name: method["milliseconds_per_megapixel"] for name, method in methods.items()},
        "networks": {
            name: {
                "network": options["network"],
                **_loss(name, options["loss_weight"]),
                "parameters": methods[name]["parameters"],
            }
            for name in names
        },
        "tokens": [
            {key: _short(value) if isinstance(value, float) else value for key, value in use.items()}
            for use in stored.get("tokens", [])
        ],
        "trainings": [
            {
                "repeat": repeat,
                "network": name,
                "steps": record["steps"],
                "seconds": record["seconds"],
                "history": {key: [_short(v) for v in record["history"].get(key, [])] for key in ("loss", "val_psnr")},
            }
            for (repeat, name), record in read_records(run, facts["repeats"]).items()
        ],
    }
    return _wide(stored["pictures"], ("repeat", "method", "picture", "level"), PHOTOGRAPHS, run)


def _loss(name: str, usual_weight: float) -> dict[str, Any]:
    loss, weight = loss_of(name)
    return {"loss": loss, "loss_weight": usual_weight if weight is None else weight}


_PARTS = {"train": "train on", "validation": "validate", "test": "test"}


def _digits(run: Path, options: StoredOptions, facts: dict[str, Any]) -> str:
    """The rows: a network and a test set each, a column per measure. Adds to the facts."""
    facts |= {
        "data": options["dataset_description"].rstrip("."),
        "tree": read_json(run / "networks.json"),
        "renoised": options["renoise_at_evaluation"],
        "findings": _read_text(run / "findings.md"),
    }
    place = ("repeat", "network", "renoised", "test_set", "rounded")
    return _wide(read_json(run / SCORES_FILE), place, DIGITS, run)


def _wide(rows: Sequence[Mapping[str, Any]], place: Sequence[str], measures: Sequence[str], run: Path) -> str:
    """Rows of one value each as CSV with one column for each measure, which takes a quarter of the room."""
    found: dict[tuple, dict[str, Any]] = {}
    for row in rows:
        cells = {key: int(row[key]) if isinstance(row[key], bool) else row[key] for key in place}
        found.setdefault(tuple(cells.values()), cells)[row["measure"]] = _rounded(row["value"], row["measure"])
    text = io.StringIO()
    writer = csv.DictWriter(text, [*place, *measures], lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for cells in found.values():
        writer.writerow(nameless(cells, [run]))
    return text.getvalue()


def _rounded(value: float, measure: str) -> float:
    return round(value, MEASURES[measure].decimals + _FURTHER) + 0.0


def _short(value: float) -> float:
    return float(f"{value:.5g}")


def _read_text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def places_of(options: StoredOptions) -> list[Path]:
    """The files and folders that a configuration names."""
    return [Path(value) for value in options.values() if isinstance(value, str) and Path(value).is_absolute()]
