"""Taking up a trained network for use: from a run folder or a `.keras` file, and from nothing that could run code."""

import dataclasses
import os
import re
import sys
from pathlib import Path

from tf_denoise.chain import refine
from tf_denoise.errors import InputError, reason
from tf_denoise.noise.described import KINDS, trained_range
from tf_denoise.noise.found import FoundNoise
from tf_denoise.paths import real_path
from tf_denoise.presets.catalogue import damaged, preset_facts, preset_file, preset_names
from tf_denoise.runs.contents import best_place, check_noise, read_config, read_parents, read_trained
from tf_denoise.runs.folder import CONFIG_FILE, MODEL_FILE, network_folder
from tf_denoise.runs.safety import EXPECTED, Held, check_file, within_budget


@dataclasses.dataclass(frozen=True)
class LoadedNetwork:
    """A network ready for use, with what is known of its training.

    Attributes:
        model: The Keras model, not compiled. Of a child of an iterative run: the whole chain that leads to it.
        name: What it is called in its run, or the name of its file.
        config: The run's configuration, or `None` for a file that lies in no run.
        record: The record of its training, or `None`.
        run: The run folder, or `None`.
        file: The `.keras` file, or `None` of a chain of networks, which lies in several.
    """

    model: object
    name: str
    config: dict | None = None
    record: dict | None = None
    run: Path | None = None
    file: Path | None = None

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
    def unfinished(self) -> str | None:
        """A sentence if its training goes on, or was broken off: what was loaded is its best state so far.

        Example:
            >>> LoadedNetwork(None, "mae", record={"epochs": 3, "of": 20}).unfinished
            'mae is not finished: this is its best state in 3 of 20 parts of its training.'
        """
        record = self.record or {}
        if "of" not in record:
            return None
        done, all_parts = record.get("epochs"), record["of"]
        return f"{self.name} is not finished: this is its best state in {done} of {all_parts} parts of its training."

    @property
    def noise_found(self) -> FoundNoise | None:
        """The noise of the photographs, of a network that learned from noisy ones alone."""
        try:
            return FoundNoise.from_record((self.config or {})["noise_found"])
        except (KeyError, TypeError, AttributeError):  # there is none, or it was changed
            return None

    @property
    def trained_range(self) -> tuple[float, float] | None:
        """Least and largest deviation of the noise it was trained on, in 255ths, where there was one.

        Example:
            >>> LoadedNetwork(None, "mae", {"command": "textures", "noise": "gaussian", "sigma": [5, 55]}).trained_range
            (5, 55)
        """
        config = self.config or {}
        if config.get("method") is not None:  # learned from noisy photographs alone
            noise = self.noise_found
            if noise is None or not noise.is_white or noise.grows_with_light:
                return None  # a deviation alone does not tell such noise
            deviation = round(255 * noise.deviation, 1)
            return deviation, deviation
        has_own_noise = config.get("clean") is not None or config.get("noisy") is not None
        if config.get("command") != "textures" or has_own_noise or config.get("noise") not in KINDS:
            return None
        return trained_range(config["noise"], sigma_255=config["sigma"], photons=config.get("photons", 100))


def load_for_use(path, network: str | None = None, repeat: int | None = None) -> LoadedNetwork:
    """Load a trained network for inference.

    Of a training that goes on the best state so far is loaded, and a note on standard error says so.

    Args:
        path: The name of a preset, a run folder, the folder of one of its networks, or a `.keras` file. A preset's name
            wins over a folder of that name: `./photographs`, or a `Path`, is the folder.
        network: Which network of a run: its name, or `repeat-2/NAME`. Defaults to the best by validation.
        repeat: Which repeat of a run it comes from, counted from 1. Defaults to that which `network` names, or to the
            first that has it.

    Raises:
        InputError: If there is none, if it is damaged, or if it holds anything but parts of Keras, KerasHub and this
            package. It is refused before anything of it runs.
    """
    if isinstance(path, str) and path in preset_names():
        _refuse_choice(path, network, repeat)
        facts = preset_facts(path)
        return LoadedNetwork(load_preset(path), path, facts["config"], facts["record"], file=preset_file(path))
    path = Path(path)
    if not os.path.exists(path):  # which is False, where a path cannot be
        raise InputError(
            f"{path} does not exist; {EXPECTED}, or one of the presets: {', '.join(preset_names()) or 'none'}."
        )
    if os.path.isdir(path) and os.path.exists(path / CONFIG_FILE):
        return _from_run(path, network, repeat)
    if os.path.isdir(path) and os.path.exists(path / "saved_model.pb"):
        raise InputError(f"{path} is a SavedModel, which serves without tf_denoise; {EXPECTED}.")
    if os.path.isdir(path) and not os.path.exists(path / MODEL_FILE):
        raise InputError(f"{path} is not a run folder: it has no {CONFIG_FILE}; {EXPECTED}.")
    _refuse_choice(path, network, repeat)
    file = real_path(path / MODEL_FILE if os.path.isdir(path) else path)
    run = _run_of(file)
    if run is not None and file.name == MODEL_FILE and (run / "networks") in file.parents:
        return _from_run(run, file.parent.relative_to(run / "networks").as_posix())
    return LoadedNetwork(load_file(file), file.stem, file=file)


def load_preset(name: str):
    """Load the network of a preset, not compiled.

    Raises:
        InputError: If there is no preset of that name, or its files are not what was installed.
    """
    file, facts = preset_file(name), preset_facts(name)
    try:
        check_noise(file.with_suffix(".json"), facts["config"])
        held = check_file(file)
    except InputError as error:
        raise damaged(name, error) from None
    return _loaded(file, held)


def _refuse_choice(path, network: str | None, repeat: int | None) -> None:
    """Refuse to choose among the networks of what is a single one."""
    if network is not None or repeat is not None:
        option = "--repeat" if network is None else "--network"
        raise InputError(f"{option} names a network of a run folder; {path} is one network.")


def load_network(folder: Path):
    """Load the network that a run keeps in `folder`.

    Raises:
        InputError: As `load_file` raises it.
    """
    return load_file(folder / MODEL_FILE)


def load_file(path: Path):
    """Load a `.keras` file for inference, not compiled, once nothing speaks against it.

    Raises:
        InputError: If there is none, if it is damaged, or if `check_file` refuses it. Nothing of it has run.
    """
    return _loaded(path, check_file(path))


def _loaded(path: Path, held: Held):
    """The network of a checked file."""
    import keras

    try:
        with within_budget(held):
            return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # what a configuration of allowed parts can still be wrong in is not to be foreseen
        raise InputError(f"{path} cannot be loaded: {reason(error)}.") from None


def _run_of(file: Path) -> Path | None:
    """The run folder that a network's file lies in."""
    for folder in file.parents:
        if os.path.exists(folder / CONFIG_FILE) and os.path.isdir(folder / "networks"):
            return folder
    return None


def _from_run(run: Path, wanted: str | None, repeat: int | None = None) -> LoadedNetwork:
    config, parents, trained = read_config(run), read_parents(run), read_trained(run)
    place = _chosen(run, trained, wanted, repeat)
    chain = [place[1]]
    while (parent := parents[chain[0]]) is not None:
        chain.insert(0, parent)
    models = [load_network(network_folder(run, place[0], name)) for name in chain]
    name = place[1] if config["repeats"] == 1 else f"repeat-{place[0]}/{place[1]}"
    file = network_folder(run, *place) / MODEL_FILE if len(models) == 1 else None
    loaded = LoadedNetwork(_chained(run, models), name, config, trained[place], run, file)
    if loaded.unfinished:
        print(f"note: {loaded.unfinished}", file=sys.stderr)
    return loaded


def _chosen(run: Path, trained: dict, wanted: str | None, repeat: int | None) -> tuple[int, str]:
    """The place `(repeat, name)` of the network that is wanted."""
    found = {
        (number, name): record
        for (number, name), record in trained.items()
        if wanted in (None, name, f"repeat-{number}/{name}") and repeat in (None, number)
    }
    if found:
        return best_place(found) if wanted is None else next(iter(found))
    names = ", ".join(dict.fromkeys(name for _, name in trained))
    asked = " ".join(filter(None, ["" if wanted is None else repr(wanted), repeat and f"of repeat {repeat}"]))
    raise InputError(f"The run in {run} has no trained network {asked}; it has {names}.")


def _chained(run: Path, models: list):
    """What is scored of a child: its ancestors before it."""
    if len(models) == 1:
        return models[0]
    import keras

    size = models[0].input_shape
    seen = [(size[0], 2 * size[-1]) if getattr(model, "sees_both", False) else size for model in models]
    shapes = [(model.input_shape, model.output_shape) for model in models]
    if shapes != [(expected, size) for expected in seen]:
        raise InputError(f"The networks of {run} do not take what their parents give: their shapes are {shapes}.")

    x = inputs = keras.Input(size[1:], name="noisy")
    for place, model in enumerate(models, 1):
        x = refine(_renamed(model, f"{model.name}_{place}"), inputs, x)
    return keras.Model(inputs, x, name="chain")


def _renamed(model, name: str):
    """The network under another name: all networks of a run have one, and a model takes a name once."""
    renamed = type(model).from_config({**model.get_config(), "name": name})
    renamed.set_weights(model.get_weights())
    return renamed
