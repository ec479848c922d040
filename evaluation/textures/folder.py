"""From the folder of a run on photographs to its evaluation."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import tensorflow as tf

from evaluation.textures.pipeline import evaluate_textures
from evaluation.textures.run import TextureRun
from tf_denoise.data.parts import TextureData, make_noise, make_noisy
from tf_denoise.errors import InputError
from tf_denoise.noise import described
from tf_denoise.runs.folder import CONFIG_FILE, RECORD_FILE, load_network, network_folder, read_json
from tf_denoise.seeds import derive_seed

SWEEP = (5, 15, 25, 35, 50, 65, 80)
"""Deviations in 255ths at which PSNR is drawn: networks are looked at beyond what they were trained on, too."""


def evaluate_folder(folder: Path) -> Path:
    """Score the networks of a finished run on photographs and write its table, figures and report.

    Args:
        folder: The run folder.

    Returns:
        The path of `report.html`.

    Raises:
        InputError: If the folder is no such run, a network is still to be trained, or the photographs have changed.
    """
    stored = read_json(folder / CONFIG_FILE)
    if not isinstance(stored, dict) or stored.get("command") != "textures":
        raise InputError(f"{folder} is not the folder of a run on photographs.")
    config = _Stored(**stored)
    data = TextureData(config)
    if data.fingerprint() != config.data_fingerprint:
        raise InputError(f"The photographs ({data.description}) are not those that the run in {folder} was trained on.")
    names = [network["name"] for network in read_json(folder / "networks.json")]
    places = [(repeat, name) for repeat in range(1, config.repeats + 1) for name in names]
    missing = [place for place in places if not (network_folder(folder, *place) / RECORD_FILE).exists()]
    if missing:
        raise InputError(
            f"The run in {folder} is not finished: {len(missing)} of its {len(places)} networks are still to be "
            "trained. Repeat its command to go on."
        )
    networks = {place: load_network(network_folder(folder, *place)) for place in places}
    noise = make_noise(config)
    test = data.pictures("test", noise)
    validation = data.pictures("validation", noise)
    record = data.write_record(folder)
    paired, has_sigma = config.clean is not None, config.noise != "salt_and_pepper"
    run = TextureRun(
        config={**stored, "mixed_precision": read_json(folder / "budget.json").get("precision", "none")},
        environment=read_json(folder / "environment.json"),
        data={**record, "noise": noise_in_words(config)},
        records={place: read_json(network_folder(folder, *place) / RECORD_FILE) for place in places},
        networks={place: as_function(network) for place, network in networks.items()},
        parameters={name: networks[1, name].count_params() for name in names},
        validation=validation,
        test=test,
        make_noisy=lambda clean, sigma: make_noisy(
            clean, make_noise(config, sigma), derive_seed(config.seed, "sweep", clean.tobytes())
        ),
        sigmas=() if paired or not has_sigma else SWEEP,
        trained_range=(config.sigma[0], config.sigma[-1]) if has_sigma and not paired else None,
    )
    return evaluate_textures(folder, run)


class _Stored(SimpleNamespace):
    """The options of a run as attributes."""

    def __getattr__(self, name: str):
        raise InputError(f"The {CONFIG_FILE} of the run lacks {name!r}: it was written by another version, or changed.")


def as_function(network):
    """The network as a function of one image `(height, width, channels)`, float32, outputs clipped to [0, 1]."""
    call = tf.function(lambda images: network(images, training=False), reduce_retracing=True)

    def predict(image: np.ndarray) -> np.ndarray:
        return np.clip(call(tf.constant(image[None], tf.float32))[0].numpy(), 0, 1)

    return predict


def noise_in_words(config) -> str:
    """What was put on the clean photographs, as a report says it.

    Example:
        >>> noise_in_words(SimpleNamespace(clean=None, noise="gaussian", sigma=(5.0, 55.0), level=30, photons=100))
        'Gaussian, deviation 5 to 55 (255ths)'
    """
    if config.clean is not None:
        return "as the noisy photographs have it"
    return described.noise_in_words(config.noise, sigma_255=config.sigma, level=config.level, photons=config.photons)
