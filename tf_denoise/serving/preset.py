"""A trained network as a preset: its weights in half precision, what is known of it, its model card."""

import json
from pathlib import Path
from typing import Any

from tf_denoise.errors import InputError
from tf_denoise.runs.halves import halve_weights
from tf_denoise.runs.loading import LoadedNetwork
from tf_denoise.runs.writing import atomic_path, write_json

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
