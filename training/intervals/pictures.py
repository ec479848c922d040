"""What the head of intervals learns from, is calibrated on and is measured on: photographs and their noise."""

import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tf_denoise.data.noisy_pair import NoisyPair
from tf_denoise.data.parts import Parts, make_noisy
from tf_denoise.data.photographs import Photographs, counted
from tf_denoise.data.sources import embedded_photographs, load_folder
from tf_denoise.errors import InputError, printable
from tf_denoise.noise.camera import CameraNoise
from tf_denoise.noise.described import make_noise
from tf_denoise.noise.ladder import at_level, noise_ladder
from tf_denoise.paths import real_path
from tf_denoise.pictures.files import PictureError
from tf_denoise.runs.loading import LoadedNetwork
from tf_denoise.seeds import derive_seed
from tf_denoise.uncertainty.calibration import least_pictures

MEASURED_255 = (5.0, 15.0, 25.0, 35.0, 50.0)
"""Levels at which coverage is measured, in 255ths, where the network was trained on them."""
LEAST_LEVEL_255 = 2.0
CALIBRATED = 5
"""Levels at which it is calibrated: others than those, spread over the range of the training by order of magnitude."""
Ladder = dict[float | None, keras.layers.Layer]


def noise_of_training(loaded: LoadedNetwork) -> keras.layers.Layer:
    """The noise that a network was trained on.

    Raises:
        InputError: If it is not known, or its pictures brought their own.
    """
    config = loaded.config
    if config is None or config.get("command") != "textures":
        raise InputError(
            f"{loaded.name} tells nothing of the noise of its training; expected a preset, or a run of "
            "training.textures."
        )
    if config.get("clean") is not None or config.get("noisy") is not None:
        raise InputError(
            f"{loaded.name} was trained on pictures that bring their own noise: it cannot be put on clean ones, so "
            "intervals cannot be made; expected a network that was trained with --noise."
        )
    options = {name: config[name] for name in ("level", "photons") if name in config}
    return make_noise(config["noise"], sigma_255=config["sigma"], **options)


def calibration_ladder(noise: keras.layers.Layer) -> Ladder:
    """The noise to calibrate on, by level: five levels, for noise of cameras its whole mix besides."""
    ladder = noise_ladder(noise)
    if len(ladder) == 1:
        return ladder
    low, high = _range(noise)
    low = min(max(low, LEAST_LEVEL_255), high)
    levels = {round(float(level), 2) for level in np.geomspace(low, high, CALIBRATED)}
    return {level: at_level(noise, level) for level in sorted(levels)} | _mix(noise)


def measured_ladder(noise: keras.layers.Layer) -> Ladder:
    """The noise to measure on, by level."""
    ladder = noise_ladder(noise)
    if len(ladder) == 1:
        return ladder
    low, high = _range(noise)
    levels = [level for level in MEASURED_255 if low <= level <= high]
    if len(levels) > 1:
        ladder = {level: at_level(noise, level) for level in levels}
    return ladder | _mix(noise)


def _range(noise) -> tuple[float, float]:
    low, high = (255 * float(end) for end in noise.sigma)
    return low, high


def _mix(noise: keras.layers.Layer) -> Ladder:
    return {None: noise} if isinstance(noise, CameraNoise) else {}


def training_photographs(
    loaded: LoadedNetwork, data: Sequence[str] | None, channels: int
) -> tuple[Photographs, set[Path]]:
    """The photographs to train the head on, and the files of all that the network or the head has to do with.

    Raises:
        InputError: If there are none, or it is not known where they lie.
    """
    config = loaded.config or {}
    longest = config.get("scale_down")
    if data is None:
        if "data" not in config:
            raise InputError(
                f"{loaded.name} does not know where its photographs lie; name them or others like them: --data FOLDER."
            )
        places = {name: config.get(name) for name in ("data", "validation", "test", "seed", "crop_size")}
        parts = Parts(**places, scale_down=longest, channels=channels).parts
        return parts["train"], {path for part in parts.values() for path in _files(part)}
    sets = [
        embedded_photographs(channels) if place == "embedded" else load_folder(place, channels, longest_side=longest)
        for place in data
    ]
    description = "; ".join(one.description for one in sets)
    photographs = Photographs([member for one in sets for member in one.members], channels, description)
    return photographs, _files(photographs)


def _files(photographs: Photographs) -> set[Path]:
    return {real_path(member.path) for member in photographs.members}


def calibration_photographs(
    folder: Path, loaded: LoadedNetwork, seen: set[Path], channels: int
) -> tuple[Photographs, Photographs]:
    """The photographs to calibrate on, every second by name, and the others, to measure on.

    Raises:
        InputError: If there are too few, or one of them is one to train on.
    """
    photographs = load_folder(folder, channels, longest_side=(loaded.config or {}).get("scale_down"))
    least = 2 * (least_pictures() + 1)
    if len(photographs) < least:
        raise InputError(
            f"--calibration {folder} holds {counted(photographs)}; it takes {least} or more, better 40: every second "
            "one calibrates, the others measure."
        )
    known = [member.name for member in photographs.members if real_path(member.path) in seen]
    if known:
        raise InputError(
            f"{printable(known[0])} of --calibration {folder} stands among the photographs of the training too; "
            "calibration takes photographs that nothing else has seen."
        )
    order = np.argsort(photographs.names, kind="stable")
    return photographs.subset(order[::2]), photographs.subset(order[1::2])


def check_decodable(photographs: Photographs) -> None:
    """Refuse photographs of which one cannot be decoded, before there is a training that would be lost.

    Raises:
        InputError: If one cannot.
    """
    for index in range(len(photographs)):
        _decoded(photographs, index)


def _decoded(photographs: Photographs, index: int) -> Any:
    try:
        return photographs.photograph(index)
    except PictureError as error:
        raise InputError(f"{error} Calibration takes pictures that can be decoded; move it away.") from None


def noisy_pairs(photographs: Photographs, ladder: Ladder, side: int, seed: int) -> Iterator[NoisyPair]:
    """The middle of each photograph with the noise of each level; noise is the same for the same seed.

    Raises:
        InputError: If one cannot be decoded.
    """
    for index, name in enumerate(photographs.names):
        image = _decoded(photographs, index)
        top, left = (max(0, size - side) // 2 for size in image.shape[:2])
        clean = image[top : top + side, left : left + side]
        for level, noise in ladder.items():
            make = functools.partial(make_noisy, clean, noise, derive_seed(seed, name, level))
            yield NoisyPair(printable(name), clean, make, level)
