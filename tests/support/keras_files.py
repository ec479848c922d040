"""Files of networks, changed where only somebody with bad intentions changes them."""

import io
import json
import zipfile
from pathlib import Path

import h5py
import keras


def members(path: Path) -> dict[str, bytes]:
    """What a `.keras` file holds, by name."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_members(path: Path, content: dict[str, bytes], compression=zipfile.ZIP_STORED) -> Path:
    """A `.keras` file of these members."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path


def network_file(path: Path, change=None, weights=None, model=None) -> Path:
    """The file of a small network, its configuration changed by a function, its weights by another."""
    model = model or keras.Sequential([keras.Input((None, None, 1)), keras.layers.Conv2D(1, 3, activation="relu")])
    model.save(path)
    content = members(path)
    if change is not None:
        config = json.loads(content["config.json"])
        content["config.json"] = json.dumps(change(config) or config).encode()
    if weights is not None:
        file = io.BytesIO(content["model.weights.h5"])
        with h5py.File(file, "a") as opened:
            weights(opened)
        content["model.weights.h5"] = file.getvalue()
    return write_members(path, content)


def part(name, module="keras.layers", config=None, registered=None, **more) -> dict:
    """What stands in a configuration for an object."""
    return {
        "module": module,
        "class_name": name,
        "config": {} if config is None else config,
        "registered_name": registered,
        **more,
    }
