"""Taking up a trained network for use: from a run folder or a `.keras` file, and from nothing that could run code."""

import dataclasses
import json
import re
import zipfile
from pathlib import Path

from tf_denoise.errors import InputError
from tf_denoise.extras import require
from tf_denoise.noise.described import trained_range
from tf_denoise.registration import register
from tf_denoise.runs.folder import CONFIG_FILE, MODEL_FILE, RECORD_FILE, load_model, network_folder, read_json

_EXPECTED = "expected a run folder, or a .keras file"
_REFUSED = {
    ".h5": "an HDF5 model",
    ".hdf5": "an HDF5 model",
    ".pkl": "a pickle",
    ".pickle": "a pickle",
    ".joblib": "a pickle",
    ".npy": "an array",
    ".pb": "a part of a SavedModel",
}
_STARTS = {b"\x89HDF": "an HDF5 model", b"\x80": "a pickle"}
# What Keras writes for its own layers, operations and what they are made of.
_KERAS = re.compile(
    r"keras(\.(layers|models|initializers|activations|regularizers|constraints|dtype_policies|ops"
    r"|src\.models\.(functional|sequential)|src\.ops(\.\w+)*))?"
)
_DATA = ("__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__")


@dataclasses.dataclass(frozen=True)
class LoadedNetwork:
    """A network ready for use, with what is known of its training.

    Attributes:
        model: The Keras model, not compiled. Of a child of an iterative run: the whole chain that leads to it.
        name: What it is called in its run, or the name of its file.
        config: The run's configuration, or `None` for a file that lies in no run.
        record: The record of its training, or `None`.
        run: The run folder, or `None`.
    """

    model: object
    name: str
    config: dict | None = None
    record: dict | None = None
    run: Path | None = None

    @property
    def network(self) -> str:
        """Its name within a repeat."""
        return re.sub(r"^repeat-\d+/", "", self.name)

    @property
    def repeat(self) -> int:
        """The repeat it comes from, counted from 1."""
        found = re.match(r"repeat-(\d+)/", self.name)
        return int(found[1]) if found else 1

    @property
    def trained_range(self) -> tuple[float, float] | None:
        """Least and largest deviation of the noise it was trained on, in 255ths, where there was one.

        Example:
            >>> LoadedNetwork(None, "mae", {"command": "textures", "noise": "gaussian", "sigma": [5, 55]}).trained_range
            (5, 55)
        """
        config = self.config or {}
        if config.get("command") != "textures" or config.get("clean") is not None:
            return None
        return trained_range(config["noise"], sigma_255=config["sigma"], photons=config.get("photons", 100))


def load_for_use(path, network: str | None = None) -> LoadedNetwork:
    """Load a trained network for inference.

    Args:
        path: A run folder, the folder of one of its networks, or a `.keras` file.
        network: Which network of a run: its name, or `repeat-2/NAME`. The best by validation unless told.

    Raises:
        InputError: If there is none, if it is damaged, or if it holds anything but parts of Keras, KerasHub and this
            package. It is refused before anything of it runs.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path} does not exist; {_EXPECTED}.")
    if path.is_dir() and (path / CONFIG_FILE).exists():
        return _from_run(path, network)
    if path.is_dir() and (path / "saved_model.pb").exists():
        raise InputError(f"{path} is a SavedModel, which serves without tf_denoise; {_EXPECTED}.")
    if path.is_dir() and not (path / MODEL_FILE).exists():
        raise InputError(f"{path} is not a run folder: it has no {CONFIG_FILE}; {_EXPECTED}.")
    if network is not None:
        raise InputError(f"--network names a network of a run folder; {path} is one network.")
    file = (path / MODEL_FILE if path.is_dir() else path).resolve()
    run = _run_of(file)
    if run is not None and file.name == MODEL_FILE and (run / "networks") in file.parents:
        return _from_run(run, file.parent.relative_to(run / "networks").as_posix())
    return LoadedNetwork(load_file(file), file.stem)


def load_file(path: Path):
    """Load a `.keras` file once nothing speaks against it.

    Raises:
        InputError: As `load_for_use` raises it.
    """
    check_file(path)
    return load_model(path)


def check_file(path: Path) -> None:
    """Refuse what is no `.keras` file, or what one of foreign code is: its configuration is read as text.

    Raises:
        InputError: If it is.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            start = file.read(4)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from None
    kind = _REFUSED.get(path.suffix.lower()) or next((k for s, k in _STARTS.items() if start.startswith(s)), None)
    if kind is not None:
        raise InputError(
            f"{path} is {kind}, which can hold code that runs when it is loaded, and was not opened; {_EXPECTED} "
            "(model.save('NAME.keras') writes one)."
        )
    try:
        with zipfile.ZipFile(path) as archive:
            text = archive.read("config.json")
        config = json.loads(text)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is not a .keras file, or is damaged: {error}.".replace("..", ".")) from None
    register()
    if b"keras_hub" in text:
        require("keras_hub")  # registers its classes
    config = {key: value for key, value in config.items() if key != "compile_config"} if isinstance(config, dict) else 0
    if not config:
        raise InputError(f"{path} is not a .keras file, or is damaged: its configuration describes no model.")
    for part in _parts(config):
        _check_part(path, part)


def _parts(value):
    """Everything in a configuration that stands for an object."""
    if isinstance(value, dict):
        if "class_name" in value:
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for member in value:
            yield from _parts(member)


def _check_part(path: Path, part: dict) -> None:
    import keras

    name, module, registered = (part.get(key) for key in ("class_name", "module", "registered_name"))
    if name in ("Lambda", "__lambda__"):
        raise InputError(
            f"{path} holds a Lambda layer, which can run any code, and was not loaded; write a registered layer in its "
            "place."
        )
    is_keras = isinstance(module, str) and _KERAS.fullmatch(module) and registered in (None, name)
    is_known = isinstance(registered, str) and registered.startswith(("tf_denoise>", "keras_hub>"))
    if name in _DATA or is_keras or (is_known and keras.saving.get_registered_object(registered) is not None):
        return
    raise InputError(
        f"{path} holds {name} of {module or registered}, which is part of neither Keras nor tf_denoise, and was not "
        "loaded: networks for use are made of the parts of these two."
    )


def _run_of(file: Path) -> Path | None:
    """The run folder that a network's file lies in."""
    for folder in file.parents:
        if (folder / CONFIG_FILE).exists() and (folder / "networks").is_dir():
            return folder
    return None


def _from_run(run: Path, wanted: str | None) -> LoadedNetwork:
    config = read_json(run / CONFIG_FILE)
    if not isinstance(config, dict) or config.get("command") not in ("textures", "iterative"):
        raise InputError(f"{run} is not a run folder: its {CONFIG_FILE} is not that of a run; {_EXPECTED}.")
    tree = {network["name"]: network for network in read_json(run / "networks.json")}
    places = [(repeat, name) for repeat in range(1, config["repeats"] + 1) for name in tree]
    trained = {place: record for place in places if (record := _record(run, place)) is not None}
    if not trained:
        raise InputError(f"The run in {run} has no trained network yet. Repeat its command to go on.")
    place = _chosen(run, trained, wanted)
    chain = [place[1]]
    while parent := tree[chain[0]].get("parent"):
        chain.insert(0, parent)
    models = [load_file(network_folder(run, place[0], name) / MODEL_FILE) for name in chain]
    name = place[1] if config["repeats"] == 1 else f"repeat-{place[0]}/{place[1]}"
    return LoadedNetwork(_chained(models), name, config, trained[place], run)


def _record(run: Path, place: tuple[int, str]) -> dict | None:
    path = network_folder(run, *place) / RECORD_FILE
    return read_json(path) if path.exists() else None


def _chosen(run: Path, trained: dict, wanted: str | None) -> tuple[int, str]:
    """The place `(repeat, name)` of the network that is wanted."""
    if wanted is None:
        return max(trained, key=lambda place: _validation(trained[place]))
    for repeat, name in trained:
        if wanted in (name, f"repeat-{repeat}/{name}"):
            return repeat, name
    names = ", ".join(dict.fromkeys(name for _, name in trained))
    raise InputError(f"The run in {run} has no trained network {wanted!r}; it has {names}.")


def _validation(record: dict) -> float:
    """How good a network was on validation data, the higher the better."""
    history = record.get("history", {})
    if values := history.get("val_psnr"):
        return max(values)
    return -min(history.get("val_loss") or [float("inf")])


def _chained(models: list):
    """What is scored of a child: its ancestors before it."""
    if len(models) == 1:
        return models[0]
    import keras

    x = inputs = keras.Input(models[0].input_shape[1:], name="noisy")
    for place, model in enumerate(models, 1):
        x = _renamed(model, f"{model.name}_{place}")(x, training=False)
    return keras.Model(inputs, x, name="chain")


def _renamed(model, name: str):
    """The network under another name: all networks of a run have one, and a model takes a name once."""
    renamed = type(model).from_config({**model.get_config(), "name": name})
    renamed.set_weights(model.get_weights())
    return renamed
