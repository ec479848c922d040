"""A kept table: what docs/tables/ holds of a run, and where its numbers come from in words."""

import csv
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tf_denoise.errors import InputError
from tf_denoise.pages.page import counted
from tf_denoise.runs.folder import read_json

TABLES = Path(__file__).resolve().parent.parent / "tables"
SHORT = 7
"""Digits of a commit that a page shows."""


@dataclasses.dataclass(frozen=True)
class Kept:
    """What is kept of a run.

    Attributes:
        name: The name it was kept under.
        facts: What NAME.json holds.
        folder: Where it lies.
    """

    name: str
    facts: Mapping[str, Any]
    folder: Path

    @property
    def kind(self) -> str:
        """What it is of: `textures`, `iterative` or `explain`."""
        return self.facts["kind"]

    @property
    def states(self) -> list[str]:
        """The states of the code that it was trained with, and that it was scored with: hashes."""
        trained = [source["code"] for source in (self.facts["trained"], *self.facts["resumed"])]
        return [*trained, self.facts["scored"]["code"]]

    def rows(self, suffix: str = ".csv") -> list[dict[str, str]]:
        """The rows of its table.

        Raises:
            InputError: If there is none.
        """
        path = self.folder / f"{self.name}{suffix}"
        try:
            return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
        except FileNotFoundError:
            raise InputError(f"{path} is missing: {_keep_it(self.name)}.") from None


def read_kept(name: str, folder: Path = TABLES) -> Kept:
    """A kept table by name.

    Raises:
        InputError: If there is none, or it is damaged.
    """
    path = folder / f"{name}.json"
    if not path.exists():
        raise InputError(f"There is no table {name} in {folder.parent.name}/{folder.name}: {_keep_it(name)}.")
    facts = read_json(path)
    missing = {"kind", "command", "trained", "resumed", "scored"} - set(facts if isinstance(facts, dict) else ())
    if missing:
        raise InputError(f"{path} is damaged: it lacks {', '.join(sorted(missing))}; {_keep_it(name)}.")
    return Kept(name, facts, folder)


def _keep_it(name: str) -> str:
    return f"python docs/renew.py keep RUN --as {name} writes it"


def source_words(source: Mapping[str, Any]) -> str:
    """A state of the code as a page names it.

    Example:
        >>> source_words({"version": "0.1.0", "commit": "1a2b3c4d5e", "tags": ["study"], "clean": True})
        'commit 1a2b3c4 (tag study)'
        >>> source_words({"version": "0.1.0", "commit": None, "tags": [], "clean": None})
        'version 0.1.0'
    """
    if source["commit"] is None:
        return f"version {source['version']}"
    notes = [f"tag {', '.join(source['tags'])}"] if source["tags"] else []
    notes += [] if source["clean"] else ["with changes that were not committed"]
    return f"commit {source['commit'][:SHORT]}" + (f" ({'; '.join(notes)})" if notes else "")


def source_line(tables: Sequence[Kept]) -> str:
    """Where a block's numbers come from, in a line of Markdown."""
    links = [f"[{kept.name}](tables/{kept.name}{'.json' if kept.kind == 'explain' else '.csv'})" for kept in tables]
    states = dict.fromkeys(source_words(kept.facts["trained"]) for kept in tables)
    return f"Made of {_listed(links)}, {_listed(list(states))}."


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def provenance(tables: Sequence[Kept]) -> list[str]:
    """Where numbers come from: command, commit, machine, hours, data, and which trainings fell."""
    lines = []
    for kept in tables:
        facts = kept.facts
        machine = facts["machine"]
        versions = ", ".join(f"{title} {machine[key]}" for key, title in _VERSIONS.items() if key in machine)
        told = [
            source_words(facts["trained"]),
            *(f"went on with {source_words(source)}" for source in facts["resumed"]),
            *_scored(facts),
            f"{_duration(facts['hours'])} of training on {machine['processor']}, "
            f"{counted(machine['cores'], 'core')} ({versions})",
            counted(facts["repeats"], "repeat"),
            facts["data"],
        ]
        lines += [
            f"- [{kept.name}](tables/{kept.name}.json): `{facts['command']}`",
            f"  {'; '.join(told)}. {_falls(facts)}",
        ]
    return [*lines, ""]


_VERSIONS = {"python": "Python", "tensorflow": "TensorFlow", "keras": "Keras", "numpy": "NumPy"}


def _scored(facts: Mapping[str, Any]) -> Iterable[str]:
    """With what it was scored, where that is not what it was trained with."""
    if facts["scored"]["code"] != facts["trained"]["code"]:
        yield f"scored with {source_words(facts['scored'])}"


def _duration(hours: float) -> str:
    return f"{hours:.1f} hours" if hours >= 1 else counted(max(1, round(60 * hours)), "minute")


def _falls(facts: Mapping[str, Any]) -> str:
    """Which trainings fell, and which ended early."""
    told = [
        f"{fall['network']}, repeat {fall['repeat']}: {fall['why']}"
        + ("" if fall["led_back"] else ", and it ended there")
        for fall in facts["falls"]
    ]
    if not told:
        return "No training fell."
    count = len({(fall["network"], fall["repeat"]) for fall in facts["falls"]})
    verb = "A training" if count == 1 else f"{count} trainings"
    return f"{verb} fell or stopped ({'; '.join(told)})."
