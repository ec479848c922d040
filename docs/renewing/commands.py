"""The command line that gives a run again, from the run's configuration."""

import dataclasses
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tf_denoise.errors import InputError
from training.iterative.options import IterativeOptions
from training.textures.options import TextureOptions

OPTIONS: dict[str, type] = {"iterative": IterativeOptions, "textures": TextureOptions}


def command_line(config: Mapping[str, Any]) -> str:
    """The shortest command line that stands for a configuration.

    Args:
        config: The configuration of a run, with `command`.

    Example:
        >>> command_line({"command": "textures", "data": "roads", "loss": "mae", "minutes": 20.0, "repeats": 3})
        'python -m training.textures --data roads --repeats 3'
    """
    kind = OPTIONS[config["command"]]
    fields = {field.name: field.default for field in dataclasses.fields(kind) if field.name != "output"}
    stored = {name: _given(config[name]) for name in fields if name in config}
    if config["command"] == "iterative" and stored.get("dataset") == "auto":
        stored["dataset"] = config["dataset_used"]
    given = {name: value for name, value in stored.items() if value is not None and value != _given(fields[name])}
    if given.get("losses"):
        given.pop("loss", None)  # which the options were filled up with
    whole = _resolved(kind, given)  # None of another version, whose options were other ones: all are told
    for name in list(given) if whole is not None else []:
        fewer = {other: value for other, value in given.items() if other != name}
        if _resolved(kind, fewer) == whole:
            given = fewer
    words = [word for name, value in given.items() for word in _words(name, value)]
    return shlex.join(["python", "-m", f"training.{config['command']}", *words])


def _given(value: Any) -> Any:
    """A value in the form that JSON and the command line share."""
    if isinstance(value, list | tuple):
        return tuple(map(_given, value))
    return str(value) if isinstance(value, Path) else value


def _resolved(kind: type, given: Mapping[str, Any]) -> Any:
    try:
        return dataclasses.replace(kind(**given).resolved(), output=None)
    except InputError:
        return None


def _words(name: str, value: Any) -> list[str]:
    option = name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{option}" if value else f"--no-{option}"]
    values = value if isinstance(value, tuple) else (value,)
    return [f"--{option}", *(f"{one:g}" if isinstance(one, float) else str(one) for one in values)]
