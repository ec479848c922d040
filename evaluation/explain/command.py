"""What `python -m evaluation.explain` does: the model, its layers, and a figure for every picture."""

from collections.abc import Callable
from pathlib import Path

from evaluation.explain.explainer import Explainer
from evaluation.explain.options import ExplainOptions
from evaluation.explain.pictures import named, pictures_of
from tf_denoise.errors import InputError
from tf_denoise.explain import layers_worth_looking_at
from tf_denoise.runs.folder import CONFIG_FILE, MODEL_FILE, RECORD_FILE, network_folder, read_json
from tf_denoise.runs.loading import load_file


def explain(config: ExplainOptions) -> bool:
    """List the layers, or write a figure for every picture.

    Returns:
        Whether every picture got its figure. One that does not is told of on standard error; the others are done.

    Raises:
        InputError: If the model or its layer is not what it should be, or no picture is found.
    """
    path = model_file(config.model, config.network, config.repeat)
    model = load_file(path)
    if config.layer is None and config.method != "influence":
        layers = _asked(lambda: layers_worth_looking_at(model))
        print(f"Layers of {path} worth looking at, and the size of their maps:")
        for found in layers:
            own = "" if found.name == found.layer else f" (the layer {found.layer})"
            print(f"  --layer {found.name:<14} {' x '.join(map(str, found.shape))}{own}")
        height, width = layers[0].image_size
        print(f"for an image of {height} x {width} pixels. Any other layer can be looked at by its own name.")
        return True
    pictures = list(pictures_of(config))
    explainer = _asked(lambda: Explainer(config, model))
    return all([explainer.tried(picture, target) for picture, target in named(pictures, config)])


def model_file(path: Path, network: str | None, repeat: int) -> Path:
    """The `.keras` file that a path means: a file, or that of a network of a run folder.

    Raises:
        InputError: If the path is neither, or the network is not told or not there.
    """
    if not path.is_dir():
        if path.suffix == ".keras" and path.exists():
            return path
        raise InputError(f"{path} is no model: expected the folder of a run, or a file that ends in .keras.")
    if (path / MODEL_FILE).exists():
        return path / MODEL_FILE
    stored = read_json(path / CONFIG_FILE)
    if not isinstance(stored, dict) or stored.get("command") != "textures":
        raise InputError(
            f"{path} is not the folder of a run on photographs; the dense networks of other runs keep no map of the "
            "image."
        )
    names = [member["name"] for member in read_json(path / "networks.json")]
    chosen = names[0] if network is None and len(names) == 1 else network
    if chosen not in names:
        received = "none" if network is None else repr(network)
        raise InputError(f"--network names a network of {path}, one of {', '.join(names)}; received {received}.")
    folder = network_folder(path, repeat, chosen)
    if not (folder / RECORD_FILE).exists():
        raise InputError(f"{path} has no finished network {chosen!r} of repeat {repeat}.")
    return folder / MODEL_FILE


def _asked(question: Callable):
    """The answer; a model or layer that cannot be looked at becomes an `InputError`."""
    try:
        return question()
    except ValueError as error:
        raise InputError(str(error)) from None
