"""What a run folder holds, read with care: its configuration, its tree of networks, the records of their training."""

import math
import os
import re
from pathlib import Path

from tf_denoise.errors import InputError
from tf_denoise.runs.folder import (
    CONFIG_FILE,
    MODEL_FILE,
    RECORD_FILE,
    UNFINISHED_FILE,
    network_folder,
    read_json,
    with_found_places,
)

NETWORKS_FILE = "networks.json"
CHAIN_MSE = "validation_mse"
"""In the record of a network of an iterative run: the mean squared error of the whole chain, without renoising between,
on the held-out digits with mixed noise that is the same for all networks."""
MOST_REPEATS, _MOST_NETWORKS = 1_000, 10_000
_NAME = re.compile(r"\w[\w.+-]*(/\w[\w.+-]*)*")


def read_config(run: Path) -> dict:
    """The configuration of a run that trains denoisers, with the paths at which its data are found now.

    Raises:
        InputError: If it is not one.
    """
    config = read_json(run / CONFIG_FILE)
    if not isinstance(config, dict) or config.get("command") not in ("textures", "iterative"):
        raise InputError(
            f"{run} is not a run folder: its {CONFIG_FILE} is not that of a run; expected a run folder, or a .keras "
            "file."
        )
    if config["command"] == "textures":
        for option in ("scale_down", "channels", "start"):  # which older versions did not write down
            config.setdefault(option, None)
    repeats = config.setdefault("repeats", 1)
    if not isinstance(repeats, int) or not 1 <= repeats <= MOST_REPEATS:
        raise InputError(f"{run / CONFIG_FILE} is damaged: repeats lies in 1..{MOST_REPEATS:,}; received {repeats!r}.")
    check_noise(run / CONFIG_FILE, config)
    return with_found_places(run, config)


def check_noise(path: Path, config: dict) -> None:
    """Refuse a configuration whose noise cannot be told: what a network was trained on depends on it.

    Args:
        path: The file that holds it.
        config: What it holds.

    Raises:
        InputError: If it cannot.
    """
    if config["command"] != "textures" or config.get("noise") not in ("gaussian", "poisson_gaussian", "camera"):
        return
    sigma, photons = config.get("sigma"), config.get("photons", 1)
    if not isinstance(sigma, list) or not 1 <= len(sigma) <= 2 or not all(map(_is_number, sigma)):
        raise InputError(f"{path} is damaged: sigma is one or two numbers; received {str(sigma)[:60]}.")
    if not _is_number(photons) or photons <= 0:
        raise InputError(f"{path} is damaged: photons is a number above 0; received {str(photons)[:60]}.")


def read_parents(run: Path) -> dict[str, str | None]:
    """The networks of a repeat in the order of their training, each with the name of its parent.

    Raises:
        InputError: If the file is damaged: a parent stands before its children, so no network is its own ancestor.
    """
    path = run / NETWORKS_FILE
    stored, parents = read_json(path), {}
    if not isinstance(stored, list) or not stored or len(stored) > _MOST_NETWORKS:
        raise InputError(f"{path} is damaged: expected a list of networks.")
    for network in stored:
        name, parent = (network.get("name"), network.get("parent")) if isinstance(network, dict) else (None, None)
        if not isinstance(name, str) or not _NAME.fullmatch(name) or name in parents:
            raise InputError(f"{path} is damaged: expected networks of different names; received {str(name)[:60]!r}.")
        if parent is not None and (not isinstance(parent, str) or parent not in parents):
            raise InputError(
                f"{path} is damaged: expected the parent of {name!r} before it; received {str(parent)[:60]!r}."
            )
        parents[name] = parent
    return parents


def read_trained(run: Path) -> dict[tuple[int, str], dict]:
    """The records of all networks that can be used by `(repeat, name)`.

    Of one that is still trained, whose best state so far is there, the record says `of`, the epochs of all.

    Raises:
        InputError: If a file is damaged, or no network can be used.
    """
    repeats, names = read_config(run)["repeats"], read_parents(run)
    places = ((repeat, name) for repeat in range(1, repeats + 1) for name in names)
    trained = {place: record for place in places if (record := _read_record(network_folder(run, *place))) is not None}
    if not trained:
        raise InputError(f"The run in {run} has no trained network yet. Repeat its command to go on.")
    return trained


def _read_record(folder: Path) -> dict | None:
    file = folder / RECORD_FILE
    if not os.path.exists(file):
        file = folder / UNFINISHED_FILE
        if not (os.path.exists(file) and os.path.exists(folder / MODEL_FILE)):
            return None
    record = read_json(file)
    is_whole = isinstance(record, dict) and isinstance(record.get("history", {}), dict)
    if is_whole and file.name == UNFINISHED_FILE:
        is_whole = all(type(record.get(key)) is int for key in ("epochs", "of"))
    if not is_whole:
        raise InputError(f"{file} is damaged: expected the record of a training.")
    return record


def best_place(trained: dict[tuple[int, str], dict]) -> tuple[int, str]:
    """Where the network lies that is best on validation data; the first, where nothing comparable was measured.

    Of photographs: the largest PSNR in its history, which is that of the weights that were saved. Of digits: the least
    error of its chain (`CHAIN_MSE`). Runs of older versions have none: there the last validation loss decides, which is
    of noise that differs between networks.
    """
    psnr = {place: value for place, record in trained.items() if (value := best_psnr(record)) is not None}
    if len(psnr) == len(trained):
        return max(psnr, key=psnr.__getitem__)
    if all(_is_number(record.get(CHAIN_MSE)) for record in trained.values()):
        return min(trained, key=lambda place: trained[place][CHAIN_MSE])
    return min(trained, key=lambda place: (_numbers(trained[place], "val_loss") or [math.inf])[-1])


def best_psnr(record: dict) -> float | None:
    """The PSNR on the validation photographs of the weights that were saved, be they those of the start, or `None`."""
    values, start = _numbers(record, "val_psnr"), record.get("start_value")
    return max([*values, start] if _is_number(start) else values, default=None)


def is_its_start(record: dict) -> bool:
    """Whether no state of a training was better than the weights that it began with, which were saved then."""
    values, start = _numbers(record, "val_psnr"), record.get("start_value")
    return _is_number(start) and max(values, default=-math.inf) <= start


def _numbers(record: dict, key: str) -> list[float]:
    values = record.get("history", {}).get(key)
    return [value for value in values if _is_number(value)] if isinstance(values, list) else []


def _is_number(value) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
