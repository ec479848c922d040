"""How a set of photographs differs from what it was."""

import os
from collections.abc import Sequence
from pathlib import Path

from tf_denoise.errors import InputError, printable
from tf_denoise.runs.folder import read_json

_PARTS = ("train", "validation", "test")


def read_record(path: Path) -> dict:
    """What a run wrote down of its photographs.

    Raises:
        InputError: If the file is missing or damaged.
    """
    record = read_json(path)
    parts = [record.get(part, []) for part in _PARTS] if isinstance(record, dict) else [None]
    skipped = record.get("skipped", []) if isinstance(record, dict) else None
    are_names = all(isinstance(names, list) and all(isinstance(name, str) for name in names) for names in parts)
    are_pairs = isinstance(skipped, list) and all(
        isinstance(pair, list) and len(pair) == 2 and all(isinstance(text, str) for text in pair) for pair in skipped
    )
    if not (are_names and are_pairs):
        raise InputError(f"{path} is damaged: expected the names of the photographs in each part, and those skipped.")
    return record


def changes_in_words(path: Path, record: dict) -> str:
    """What became of the photographs of a run: which came in, which were taken out, or that their content changed.

    Args:
        path: The run's `data.json`.
        record: What would be written to it now.

    Raises:
        InputError: If the file is damaged.
    """
    if not os.path.exists(path):
        return "its photographs have changed"
    stored = read_record(path)
    before, after = (_names(names) for names in (stored, record))
    came, gone = sorted(after - before), sorted(before - after)
    if not came and not gone:
        return "photographs of the same names have another content, or are dealt to other parts"
    parts = [_counted(names, *verb) for names, verb in ((came, _CAME), (gone, _GONE)) if names]
    return " and ".join(parts)


_CAME, _GONE = ("came in", "came in"), ("was taken out", "were taken out")


def _names(record) -> set[str]:
    """All photographs of a record, those that were left out too."""
    names = {name for part in _PARTS for name in record.get(part, ())}
    return names | {name for name, _ in record.get("skipped", ())}


def _counted(names: Sequence[str], one: str, many: str) -> str:
    if len(names) == 1:
        return f"the photograph {printable(names[0])[:60]} {one}"
    return f"{len(names):,} photographs {many}, such as {printable(names[0])[:60]}"
