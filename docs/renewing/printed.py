"""What docs/make_explain_figures.py prints, kept as text in docs/tables/: it needs the network itself."""

import contextlib
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from evaluation.source import source
from evaluation.stored import StoredOptions
from renewing.blocks import Block, Kind
from renewing.keep import facts_of, places_of
from renewing.kept import TABLES, Kept
from renewing.places import nameless
from tf_denoise.errors import InputError
from tf_denoise.runs.folder import read_json
from tf_denoise.runs.writing import write_json


def keep_printed(run: Path, name: str, parts: Mapping[str, Callable[[], None]], folder: Path = TABLES) -> Path:
    """Run the parts of a script and keep what they print as NAME.json.

    Args:
        run: The run folder that they look at.
        name: What the table is called.
        parts: By name, functions that draw and print.
        folder: Where it is written.

    Returns:
        The file.

    Raises:
        InputError: If the folder is not a finished and evaluated run.
    """
    facts = facts_of(run, name) | {"kind": "explain", "scored": source()}
    printed = {}
    for part, function in parts.items():
        text = io.StringIO()
        with contextlib.redirect_stdout(text):
            function()
        printed[part] = text.getvalue().splitlines()
    facts["data"] = read_json(run / "data.json")["description"]
    write_json(folder / f"{name}.json", nameless(facts | {"printed": printed}, [run, *places_of(StoredOptions(run))]))
    return folder / f"{name}.json"


def printed(tables: Sequence[Kept], part: str = "") -> Block:
    """What a part of the script printed: its table, and other lines below it."""
    [kept] = tables
    parts = kept.facts["printed"]
    if part not in parts:
        raise InputError(f"A block of printed names a part of {kept.name}: part={' or part='.join(parts)}.")
    rows = [line for line in parts[part] if line.startswith("|")]
    others = [line.removeprefix("# ") for line in parts[part] if not line.startswith("|")]
    lines = [*rows, ""] if rows else []
    return Block([*lines, *(["```", *others, "```", ""] if others else [])])


KINDS = {"printed": Kind(printed, options={"part": ()})}
"""The kinds of block that a page can show of what was printed."""
