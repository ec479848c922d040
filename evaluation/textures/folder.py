"""From the folder of a run on photographs to its evaluation."""

import os
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from evaluation.stored import StoredOptions
from evaluation.textures.noisy_only import evaluate_noisy_only
from evaluation.textures.pipeline import evaluate_textures
from evaluation.textures.run import Predict, TextureRun
from tf_denoise.data.changes import changes_in_words
from tf_denoise.data.parts import DATA_FILE, Parts, make_noisy
from tf_denoise.errors import InputError
from tf_denoise.explain import TokenAblation
from tf_denoise.models import ViTUNet
from tf_denoise.noise import described
from tf_denoise.noise.ladder import at_level, noise_ladder
from tf_denoise.runs.contents import read_parents
from tf_denoise.runs.folder import BUDGET_FILE, RECORD_FILE, network_folder, read_json
from tf_denoise.runs.loading import load_network
from tf_denoise.seeds import derive_seed
from tf_denoise.tiling.exact import exact_float32

SWEEP = (5.0, 15.0, 25.0, 35.0, 50.0, 65.0, 80.0)
"""Deviations in 255ths at which PSNR is drawn: networks are looked at beyond what they were trained on, too."""
NEXT_PLANE = "next-plane"
"""In the place of a folder of twins: neighbouring planes of noisy stacks are twins."""
DATA_OPTIONS = (
    "validation",
    "test",
    "seed",
    "crop_size",
    "batch_size",
    "memory",
    "scale_down",
    "channels",
)


def evaluate_folder(folder: Path) -> Path:
    """Score the networks of a finished run on photographs and write its table, figures and report.

    Args:
        folder: The run folder.

    Returns:
        The path of `report.html`.

    Raises:
        InputError: If the folder is not such a run, a network is still to be trained, or the photographs have changed.
    """
    options = StoredOptions(folder, "textures")
    places = options.only("data", "clean", "noisy")
    places |= {name: options[name] for name in ("noisy_twin",) if name in options}  # older runs do not have it
    parts = Parts(**data_places(options.noisy_only, **places), **options.only(*DATA_OPTIONS))
    if parts.fingerprint() != options["data_fingerprint"]:
        changes = changes_in_words(folder / DATA_FILE, parts.record())
        raise InputError(f"The photographs are not those that the run in {folder} was trained on: {changes}.")
    finished = _finished(folder, options["repeats"])
    networks = {place: load_network(network_folder(folder, *place)) for place in finished}
    if options.noisy_only:
        return evaluate_noisy_only(folder, options, parts, networks)
    noise = noise_of(options)
    ladder = noise_ladder(noise)
    test, validation = parts.pictures("test", ladder), parts.pictures("validation", ladder)
    record = parts.write_record(folder)
    seed, has_sigma = options["seed"], None not in ladder
    run = TextureRun(
        config={**options, "mixed_precision": read_json(folder / BUDGET_FILE).get("precision", "none")},
        environment=read_json(folder / "environment.json"),
        data={**record, "noise": noise_in_words(options)},
        records={place: read_json(network_folder(folder, *place) / RECORD_FILE) for place in finished},
        networks={place: as_function(network) for place, network in networks.items()},
        parameters={name: networks[1, name].count_params() for _, name in finished},
        validation=validation,
        test=test,
        make_noisy=lambda clean, sigma: make_noisy(
            clean, at_level(noise, sigma), derive_seed(seed, "sweep", clean.tobytes())
        ),
        sigmas=SWEEP if has_sigma else (),
        trained_range=(options["sigma"][0], options["sigma"][-1]) if has_sigma else None,
        ablations={place: TokenAblation(model) for place, model in networks.items() if isinstance(model, ViTUNet)},
    )
    return evaluate_textures(folder, run)


def data_places(noisy_only: bool, data=None, clean=None, noisy=None, noisy_twin=None) -> dict[str, Any]:
    """The arguments of `Parts` that name folders.

    Args:
        noisy_only: Whether it was learned from noisy photographs alone: these are what there is then, or twins.
        data: Option of the run.
        clean: Option of the run.
        noisy: Option of the run.
        noisy_twin: Option of the run.
    """
    if not noisy_only:
        return {"data": data, "clean": clean, "noisy": noisy}
    if noisy_twin is None or noisy_twin == NEXT_PLANE:
        return {"data": noisy, "next_plane": noisy_twin == NEXT_PLANE}
    return {"clean": noisy_twin, "noisy": noisy}


def _finished(folder: Path, repeats: int) -> list[tuple[int, str]]:
    """The places (repeat, name) of all networks, each of which must be trained."""
    names = read_parents(folder)
    places = [(repeat, name) for repeat in range(1, repeats + 1) for name in names]
    missing = [place for place in places if not os.path.exists(network_folder(folder, *place) / RECORD_FILE)]
    if missing:
        raise InputError(
            f"The run in {folder} is not finished: {len(missing)} of its {len(places)} networks are still to be "
            "trained. Repeat its command to go on."
        )
    return places


def noise_of(options: StoredOptions) -> keras.layers.Layer | None:
    """The noise that a run was trained with; `None` where its photographs bring their own."""
    if options["clean"] is not None:
        return None
    return described.make_noise(
        options["noise"], sigma_255=options["sigma"], level=options["level"], photons=options["photons"]
    )


def as_function(network: keras.Model) -> Predict:
    """The network as a function of one image `(height, width, channels)`, float32, outputs clipped to [0, 1]."""
    call = tf.function(lambda images: network(images, training=False), reduce_retracing=True)

    def predict(image: np.ndarray) -> np.ndarray:
        with exact_float32():
            return np.clip(call(tf.constant(image[None], tf.float32))[0].numpy(), 0, 1)

    return predict


def noise_in_words(options) -> str:
    """What was put on the clean photographs, as a report says it.

    Args:
        options: The options of the run by name.

    Example:
        >>> options = {"clean": None, "noise": "gaussian", "sigma": (5.0, 55.0), "level": 30, "photons": 100.0}
        >>> noise_in_words(options)
        'Gaussian, deviation 5 to 55 (255ths)'
    """
    if options["clean"] is not None:
        return "as the noisy photographs have it"
    return described.noise_in_words(
        options["noise"], sigma_255=options["sigma"], level=options["level"], photons=options["photons"]
    )
