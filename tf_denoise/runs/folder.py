"""The run folder: its configuration, and one process at a time."""

import contextlib
import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

import filelock

from tf_denoise.errors import LONGEST, InputError, printable, reason
from tf_denoise.paths import real_path
from tf_denoise.runs.writing import UNFINISHED, remove_unfinished_files, writable_folder, write_json

Changed = Callable[[], tuple[str, str]]
"""Says what a run is on instead, as a clause, and what has to be the same to go on with it."""

BUDGET_FILE = "budget.json"
CONFIG_FILE = "config.json"
ENVIRONMENT_FILE = "environment.json"
LOCK_FILE = ".lock"
MODEL_FILE = "model.keras"
RECORD_FILE = "training.json"
UNFINISHED_FILE = "unfinished.json"
"""In place of the record, of a network that is still trained: how far it is, and its history."""
GROWING = "repeats"
"""The entry of a configuration that a later command may raise."""
CLASSIFIER_FOLDER = "classifier"
PLACES = "places"
"""In the configuration of a run: its data's places as seen from the run folder, so that both can be moved together."""


def network_folder(run: Path, repeat: int, name: str) -> Path:
    """Where a run keeps a network: its children lie in folders below it."""
    return run / "networks" / f"repeat-{repeat}" / name


def read_json(path: Path):
    """Read a JSON file of a run.

    Raises:
        InputError: If the file is missing or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if not os.path.lexists(path.parent):
            raise InputError(f"There is no folder {path.parent}.") from None
        raise InputError(f"{path.parent} is not a run folder: it has no {path.name}.") from None
    except NotADirectoryError:
        raise InputError(f"{path.parent} is a file, and not a run folder.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read as a file of a run: {reason(error)}.") from None


@contextlib.contextmanager
def open_run(
    folder: Path,
    config: dict,
    places: Collection[str] = (),
    changed: Mapping[str, Changed] | None = None,
) -> Iterator[None]:
    """Take `folder` for a run of `config`: a new or empty folder, or one that holds the same configuration.

    It may hold fewer `repeats`: none depends on how many there are, so further ones are trained beside those there.

    While the block runs, no other process can open the folder. What a killed process left half written is removed.

    Args:
        folder: The run folder; made if it does not exist.
        config: Everything that decides the result, as JSON values.
        places: The entries of `config` that are absolute paths of data. They may differ from those of the run, whose
            data may have been moved: that they hold the same is what other entries say.
        changed: By entry, a function that says what the run is on instead where the entry is another one: "on other
            data: three photographs came in", and what is to be the same to go on: "data".

    Raises:
        InputError: If the folder cannot be written, holds something else, holds another configuration, or is in use.
    """
    config = json.loads(json.dumps(config))
    check_run_folder(folder)  # a folder of somebody else gets no lock file
    with locked(folder):
        _refuse_foreign(folder)
        if os.path.exists(folder / CONFIG_FILE):
            _compare(folder, config, places, changed or {})
        config = _with_places(folder, config, places)
        if not os.path.exists(folder / CONFIG_FILE) or read_json(folder / CONFIG_FILE) != config:
            write_json(folder / CONFIG_FILE, config)
        yield


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes from writing to a run folder. What a killed process left half written is removed.

    Args:
        folder: The run folder; made if it does not exist.

    Raises:
        InputError: If the folder cannot be written, or is in use.
    """
    writable_folder(folder)
    lock = filelock.FileLock(folder / LOCK_FILE)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise InputError(
            f"The output folder {folder} is in use by another run; wait for it or choose another."
        ) from None
    except OSError as error:
        raise InputError(f"The output folder {folder} cannot be written: {error.strerror}.") from None
    try:
        remove_unfinished_files(folder)
        yield
    finally:
        lock.release()


def check_run_folder(folder: Path) -> None:
    """Refuse an output that no run can be in, before the data of a run are looked through. Nothing is written.

    Raises:
        InputError: If it is a file, or holds something that is not a run.
    """
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise InputError(f"The output {folder} is a file; expected a folder, or a name that is still free.")
    if os.path.isdir(folder):
        _refuse_foreign(folder)


def _refuse_foreign(folder: Path) -> None:
    if os.path.exists(folder / CONFIG_FILE):
        return
    try:
        names = sorted(p.name for p in folder.iterdir() if p.name != LOCK_FILE and not p.name.startswith(UNFINISHED))
    except OSError as error:
        raise InputError(f"The output folder {folder} cannot be read: {error.strerror}.") from None
    if names:
        raise InputError(
            f"The output folder {folder} holds something that is not a run ({names[0]}), and nothing in it is "
            "overwritten; choose an empty or new folder."
        )


def _compare(folder: Path, config: dict, places: Collection[str], changed: Mapping[str, Changed]) -> None:
    stored = read_json(folder / CONFIG_FILE)
    if not isinstance(stored, dict):
        raise InputError(f"{folder / CONFIG_FILE} is not the configuration of a run.")
    # A description is words on data that have a fingerprint of their own.
    keys = sorted(key for key in {*stored, *config} - {PLACES} if not key.endswith("_description"))
    different = [key for key in keys if stored.get(key) != config.get(key) and not _has_grown(key, stored, config)]
    different = [key for key in different if not (key in places and _are_paths(stored.get(key), config.get(key)))]
    told = [key for key in different if key not in changed]
    if told:
        head = f"The output folder {folder} holds a run of another configuration: "
        tail = ". Choose another --output, or the same options to go on with that run"
        each = [f"{key} is {_short(stored.get(key))} there and {_short(config.get(key))} here" for key in told]
        raise InputError(head + _as_many_as_fit(each, LONGEST - len(head) - len(tail) - 1) + tail)
    if different:
        clause, same = changed[different[0]]()
        raise InputError(
            f"The output folder {folder} holds a run {clause}. Choose another --output, or the same {same} to go on "
            "with that run."
        )


def _has_grown(key: str, stored: dict, config: dict) -> bool:
    counts = stored.get(key), config.get(key)
    return key == GROWING and all(type(count) is int for count in counts) and counts[0] < counts[1]


def _as_many_as_fit(changes: Sequence[str], room: int) -> str:
    """The first of some changes, as many as have room, and the number of the others.

    Example:
        >>> _as_many_as_fit(["a is 1 there", "b is 2 there", "c is 3 there"], 39)
        'a is 1 there, b is 2 there, and 1 more'
    """
    for shown in range(len(changes), 1, -1):
        rest = len(changes) - shown
        text = ", ".join(changes[:shown]) + (f", and {rest} more" if rest else "")
        if len(text) <= room:
            return text
    return changes[0] + (f", and {len(changes) - 1} more" if len(changes) > 1 else "")


def _short(value) -> str:
    is_list = isinstance(value, list | tuple)
    text = printable(" ".join(map(str, value)) or "nothing" if is_list else repr(value))
    return text if len(text) <= 60 else f"{text[:30]}...{text[-25:]}"


def _are_paths(*values) -> bool:
    return all(isinstance(value, str) and os.path.isabs(value) for value in values)


def _with_places(folder: Path, config: dict, places: Collection[str]) -> dict:
    """The configuration with its paths as seen from the folder, where there is a way from there."""
    relative = {}
    for key in places:
        if _are_paths(config.get(key)):
            with contextlib.suppress(ValueError):  # on another drive
                relative[key] = os.path.relpath(config[key], real_path(folder))
    return {**config, PLACES: relative} if relative else config


def with_found_places(run: Path, config: dict) -> dict:
    """A run's configuration with the paths at which its data are found: where they were, or where they moved with it.

    Args:
        run: The run folder.
        config: What its `config.json` holds.
    """
    moved = {}
    places = config.get(PLACES)
    for key, place in places.items() if isinstance(places, dict) else ():
        here = os.path.normpath(os.path.join(os.path.realpath(run), str(place)))
        if not os.path.exists(str(config.get(key))) and os.path.exists(here):
            moved[key] = here
    return {**config, **moved}
