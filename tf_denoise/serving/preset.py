"""A trained network as a preset: its weights in half precision, what is known of it, its model card."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tf_denoise.errors import InputError
from tf_denoise.runs.loading import LoadedNetwork
from tf_denoise.runs.writing import atomic_path, write_json

_WEIGHTS = "model.weights.h5"
_OF_THE_PLACE = (
    "data",
    "clean",
    "noisy",
    "noisy_twin",
    "validation",
    "test",
    "test_clean",
    "places",
    "start",
    "data_fingerprint",
    "memory",
)
"""Entries of a run's configuration that say something of its machine alone."""


def write_preset(
    loaded: LoadedNetwork, folder: Path, name: str, *, version: str, description: str, sources, stages=()
) -> Path:
    """Write `NAME.keras` and `NAME.json` as `tf_denoise.presets` keeps them; the card `NAME.md` is written by hand.

    Args:
        loaded: A network of a run on photographs, as `load_for_use` gives it.
        folder: Where the files go.
        name: The name of the preset.
        version: Its version.
        description: One sentence that says what it is for.
        sources: A sentence for each source of its photographs, with their licence.
        stages: A sentence for each training before that of the run.

    Returns:
        The path of `NAME.keras`.

    Raises:
        InputError: If the network lies in no run on photographs.
    """
    if loaded.run is None or loaded.config is None or loaded.config["command"] != "textures":
        raise InputError(f"{loaded.name} lies in no run on photographs; a preset is written from one.")
    model: Any = loaded.model
    data = json.loads((loaded.run / "data.json").read_text(encoding="utf-8"))
    config = {key: value for key, value in loaded.config.items() if key not in _OF_THE_PLACE}
    facts = {
        "class_name": type(model).__name__,
        "version": version,
        "description": description,
        "parameters": model.count_params(),
        "config": {
            **config,
            "clean": None,
            "noisy": None,
            "dataset_description": data["description"],
            "sources": list(sources),
            "stages": list(stages),
        },
        "record": loaded.record,
    }
    path = folder / f"{name}.keras"
    with atomic_path(path) as temporary:
        model.save(temporary)
        halve_weights(temporary)
    write_json(path.with_suffix(".json"), facts)
    return path


def halve_weights(path: Path) -> None:
    """Rewrite a `.keras` file with its weights in half precision. Keras widens them when it loads them.

    Args:
        path: The file.

    Raises:
        ValueError: If a weight is larger than 65,504.
    """
    halved = io.BytesIO()
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with h5py.File(io.BytesIO(members[_WEIGHTS])) as whole, h5py.File(halved, "w") as half:
        whole.visititems(lambda name, item: _copy(name, item, half))
    members[_WEIGHTS] = halved.getvalue()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def _copy(name: str, item, half: h5py.File) -> None:
    if isinstance(item, h5py.Dataset):
        values = np.asarray(item)
        if values.dtype.kind == "f":
            values = values.astype("float16")
            if not np.isfinite(values).all():
                raise ValueError(f"The weights {name} are too large for half precision.")
        half.create_dataset(name, data=values)
    else:
        half.require_group(name)
    for key, value in item.attrs.items():
        half[name].attrs[key] = value
