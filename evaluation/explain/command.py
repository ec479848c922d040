"""What `python -m evaluation.explain` does: the model, its layers, and a figure for every picture."""

from collections.abc import Callable

from evaluation.explain.explainer import Explainer
from evaluation.explain.options import ExplainOptions
from evaluation.explain.pictures import named, pictures_of
from tf_denoise.commands.exits import DONE, status_of
from tf_denoise.errors import InputError
from tf_denoise.explain import layers_worth_looking_at
from tf_denoise.runs.loading import LoadedNetwork, load_for_use


def explain(config: ExplainOptions) -> int:
    """List the layers, or write a figure for every picture.

    Returns:
        The exit status, as `tf_denoise.commands.exits` has them. A picture that gets no figure is told of on standard
        error; the others are done.

    Raises:
        InputError: If the model or its layer is not what it should be, or no picture is found.
    """
    loaded = load_model(config)
    model = loaded.model
    if config.layer is None and config.method != "influence":
        layers = _asked(lambda: layers_worth_looking_at(model))
        print(f"Layers of {loaded.name} worth looking at, and the size of their maps:")
        longest = max(len(found.name) for found in layers)
        for found in layers:
            own = "" if found.name == found.layer else f" (the layer {found.layer})"
            print(f"  --layer {found.name:<{longest}}  {' x '.join(map(str, found.shape))}{own}")
        height, width = layers[0].image_size
        print(f"for an image of {height} x {width} pixels. Any other layer can be looked at by its own name.")
        return DONE
    pictures = list(pictures_of(config))
    explainer = _asked(lambda: Explainer(config, model))
    drawn = [explainer.tried(picture, target) for picture, target in named(pictures, config)]
    return status_of(sum(drawn), len(drawn) - sum(drawn))


def load_model(config: ExplainOptions) -> LoadedNetwork:
    """The network of a run folder or a file, as `load_for_use` finds it.

    Raises:
        InputError: If there is none, or it is one of digits.
    """
    loaded = load_for_use(config.model, config.network, config.repeat)
    if (loaded.config or {}).get("command") == "iterative":
        raise InputError(
            f"{config.model} is not the folder of a run on photographs; the dense networks of other runs keep no map "
            "of the image."
        )
    return loaded


def _asked(question: Callable):
    """The answer; a model or layer that cannot be looked at becomes an `InputError`."""
    try:
        return question()
    except ValueError as error:
        raise InputError(str(error)) from None
