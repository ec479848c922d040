"""The pictures to look at: where they are, their clean partners, and the files of their figures."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from evaluation.explain.options import ExplainOptions
from tf_denoise.errors import InputError
from tf_denoise.noise import additive_gaussian
from tf_denoise.pictures.files import find_pictures, read_picture, shown, to_unit, with_channels
from tf_denoise.pictures.partners import clean_partner
from tf_denoise.seeds import derive_seed


def read_pair(path: Path, config: ExplainOptions, channels: int | None) -> tuple[np.ndarray, np.ndarray | None]:
    """A picture with its noise, and its clean partner where it is known: float32 `(height, width, channels)`.

    Raises:
        ValueError: If a file cannot be read, or the two differ in size.
    """
    given = _read(path, channels, config.crop)
    if config.sigma is not None:
        seed = tf.constant([derive_seed(config.seed, path.name), 0], tf.int64)
        return additive_gaussian(given[None], config.sigma / 255, seed)[0].numpy(), given
    if config.clean is None:
        return given, None
    clean_path = _partner(path, config.clean)
    clean = _read(clean_path, channels, config.crop)
    if clean.shape != given.shape:
        raise InputError(
            f"{clean_path} and {path} must be of one size; they have {clean.shape[1]} x {clean.shape[0]} and "
            f"{given.shape[1]} x {given.shape[0]} pixels."
        )
    return given, clean


def _read(path: Path, channels: int | None, crop: int | None) -> np.ndarray:
    values = to_unit(with_channels(read_picture(path).values, channels or 3))
    if crop is None:
        return values
    if min(values.shape[:2]) < crop:
        size = f"{values.shape[1]} x {values.shape[0]}"
        raise InputError(f"{path} has {size} pixels, and --crop {crop} cuts {crop} x {crop} of them: choose fewer.")
    top, left = ((side - crop) // 2 for side in values.shape[:2])
    return np.ascontiguousarray(values[top : top + crop, left : left + crop])


def _partner(path: Path, clean: Path) -> Path:
    if not os.path.isdir(clean):
        return clean
    partner = clean_partner(path.name, clean)
    if partner is None:
        raise InputError(
            f"{clean} has no clean picture for {shown(path.name)}; expected one of that name, or NAME_raw for "
            "NAME_noised."
        )
    return partner


def pictures_of(config: ExplainOptions) -> Iterator[Path]:
    """The pictures that are named, and those in folders that are named."""
    for path in config.images:
        found = find_pictures(path) if os.path.isdir(path) else [path]
        if not found:
            raise InputError(f"{path} is a folder without pictures: expected PNG, JPEG, BMP or TIFF files.")
        yield from found


def named(pictures: list[Path], config: ExplainOptions) -> Iterator[tuple[Path, Path]]:
    """Each picture with the file of its figure; pictures of one name get a number."""
    what = config.method if config.layer is None else f"{config.layer.replace('/', '-')}-{config.method}"
    taken: dict[str, int] = {}
    for path in pictures:
        taken[path.stem] = taken.get(path.stem, 0) + 1
        number = f"-{taken[path.stem]}" if taken[path.stem] > 1 else ""
        yield path, config.output / f"{path.stem}{number}-{what}.png"
