"""Run folders with small networks that were never trained."""

from pathlib import Path

from network_checks import with_random_weights

from tf_denoise.models import UNet
from tf_denoise.runs.folder import network_folder
from tf_denoise.runs.writing import write_json

CONFIG = {"command": "textures", "clean": None, "noise": "gaussian", "sigma": [5, 55], "repeats": 1, "photons": 100}


def small(seed=0, channels=1):
    return with_random_weights(UNet(channels, (2, 4), blocks=1), seed=seed)


def make_run(folder: Path, networks: dict, config=CONFIG, tree=None) -> Path:
    """A run with networks by `(repeat, name)`, each `(model, history)`."""
    write_json(folder / "config.json", config)
    names = dict.fromkeys(name for _, name in networks)
    write_json(folder / "networks.json", tree or [{"name": name} for name in names])
    for place, (model, history) in networks.items():
        place = network_folder(folder, *place)
        write_json(place / "training.json", {"steps": 3, "history": history})
        model.save(place / "model.keras")
    return folder
