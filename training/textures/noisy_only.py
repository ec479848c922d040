"""Learning from noisy photographs alone: which method their noise allows, what it learns from, how it is judged."""

import contextlib
import dataclasses
from typing import Literal

import numpy as np
import tensorflow as tf

from tf_denoise.data.parts import Parts
from tf_denoise.data.photographs import Photographs
from tf_denoise.errors import InputError
from tf_denoise.noise.found import FoundNoise, find_noise
from tf_denoise.noise.jpeg_trace import TRACE, jpeg_trace
from tf_denoise.pictures.files import PictureError
from tf_denoise.self_supervised import masked_crops, recorrupted_crops, twin_crops
from tf_denoise.self_supervised.noise2void import AXES, Axis
from training.textures.twins import check_twins

MethodName = Literal["noise2noise", "recorrupted", "noise2void"]
LOOKED_AT = 32
"""Photographs whose noise is looked at."""
MIDDLE = 1024
"""Pixels along each side that are looked at: 48 pairs of photographs of 8 bits take 300 MB, whatever
their size."""
_OTHERS_LOOKED_AT = 8
"""Twins to validate on that are looked at, and as many to test on."""


@dataclasses.dataclass(frozen=True)
class Lesson:
    """A method with what it knows of the noise.

    Attributes:
        method: Its name.
        noise: The noise that was found.
    """

    method: MethodName
    noise: FoundNoise

    @property
    def record(self) -> dict:
        """What the run keeps of it."""
        noise = {key: _rounded(value) for key, value in dataclasses.asdict(self.noise).items()}
        return {"method": self.method, "noise_found": noise}

    @property
    def fall(self) -> float:
        """A judgement so many dB below the best is a fall. Against noisy pixels the noise hides most of it."""
        return 1.0 if self.method == "noise2void" else 3.0

    @property
    def along(self) -> Axis | None:
        """The axis along which neighbours share the noise, if one alone."""
        return next((axis for axis in AXES if axis == self.noise.shared), None)

    def batches(self, data: Parts, seed: int, start_step: int) -> tf.data.Dataset:
        """The endless batches of `fit`, a function of seed and step."""
        sampler = data.sampler(seed, copies=2 if self.method == "recorrupted" else 1, turns=4 if self.along else 8)
        sampler.batch(start_step)  # where it cannot, its sentence is lost within the dataset
        if self.method == "noise2noise":
            return twin_crops(sampler, start_step)
        if self.method == "recorrupted":
            noise = self.noise
            return recorrupted_crops(
                sampler, noise.sigma, noise.gain, between_channels=noise.channel_correlation, start_step=start_step
            )
        return masked_crops(sampler, along=self.along, start_step=start_step)


def _rounded(value):
    if isinstance(value, float):
        return round(value, 8)
    return [round(one, 8) for one in value] if isinstance(value, tuple) else value


def choose_lesson(data: Parts, wanted: MethodName | Literal["auto"]) -> Lesson:
    """Look at the noise of the photographs to train on, and choose the method that it allows.

    Args:
        data: The photographs: twins, or noisy ones.
        wanted: A method, or `auto`.

    Raises:
        InputError: If there is no noise, if twins do not show the same, or if no method, or not the wanted one, can
            learn from such noise.
    """
    photographs = data.parts["train"]
    pictures = looked_at(photographs)
    noise = find_noise(images[0] for _, images in pictures)
    if not pictures:
        raise InputError(f"None of the photographs to train on can be decoded: {data.description}.")
    if noise is None:
        raise InputError("The noisy photographs are too small to look at their noise; expected larger ones.")
    if noise.is_hidden:
        raise InputError(
            f"There is no noise to learn from in {data.description}. {noise.in_words} To learn from clean photographs "
            "name them with --data."
        )
    if photographs.paired:
        others = [shots for part in ("validation", "test") for shots in looked_at(data.parts[part], _OTHERS_LOOKED_AT)]
        check_twins([*pictures, *others], noise, data.next_plane)
        if wanted not in ("auto", "noise2noise"):
            raise InputError(f"--method {wanted} learns from single photographs; leave --noisy-twin out.")
        return Lesson("noise2noise", noise)
    if wanted == "noise2noise":
        raise InputError("--method noise2noise needs a second shot of each scene: --noisy-twin FOLDER.")
    if noise.is_binary:
        raise InputError(f"There is nothing but black and white in {data.description}: that is no noise to learn from.")
    if noise.is_opposite:
        raise InputError(
            f"What looks like noise in {data.description} is {noise.sharing_in_words}; no network can learn from such "
            "pictures alone. To learn from clean photographs name them with --data."
        )
    traces = [jpeg_trace(images[0]) for _, images in pictures]
    if np.median(traces) > TRACE and not noise.impulses:  # which came after it: JPEG leaves none as they are
        raise InputError(
            "The noisy photographs were stored as JPEG, which changes noise: neighbours share what is left of it, and "
            "from such photographs alone no network can learn. What helps: a second shot of each scene (--noisy-twin), "
            "or those before JPEG."
        )
    if noise.shared == "both":
        raise InputError(
            f"The noise is {noise.sharing_in_words}; from such photographs alone no network can learn. What helps: a "
            f"second shot of each scene (--noisy-twin), photographs scaled down by {max(2, noise.width + 1)}, or those "
            "before JPEG."
        )
    if wanted == "recorrupted" and not noise.is_white:
        found = "salt and pepper" if noise.impulses else noise.sharing_in_words
        raise InputError(
            f"The noise is {found}; --method recorrupted takes normal noise of each pixel alone: take noise2void."
        )
    method: MethodName = "recorrupted" if noise.is_white else "noise2void"
    return Lesson(method if wanted == "auto" else wanted, noise)


def looked_at(photographs: Photographs, most: int = LOOKED_AT) -> list[tuple[str, tuple[np.ndarray, ...]]]:
    """Names, and the middle as stored, of some photographs; of twins both."""
    found = []
    for index in np.unique(np.linspace(0, len(photographs) - 1, min(len(photographs), most)).astype(int)):
        with contextlib.suppress(PictureError):  # whoever trains on it leaves it out, and says so
            images = photographs.stored(index)
            found.append((photographs.members[index].name, tuple(_middle(image) for image in images)))
    return found


def _middle(image: np.ndarray) -> np.ndarray:
    """Of a larger image the middle, copied so that the rest need not be held."""
    top, left = (max(0, side - MIDDLE) // 2 for side in image.shape[:2])
    return image[top : top + MIDDLE, left : left + MIDDLE].copy()
