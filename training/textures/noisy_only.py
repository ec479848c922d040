"""Learning from noisy photographs alone: which method their noise allows, what it learns from, how it is judged."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np
import tensorflow as tf

from tf_denoise.data.parts import Parts
from tf_denoise.data.photographs import Photographs
from tf_denoise.errors import InputError
from tf_denoise.noise.found import FoundNoise, find_noise
from tf_denoise.pictures.files import PictureError
from tf_denoise.self_supervised import hide_pixels, masked_crops, recorrupted_crops, twin_crops
from tf_denoise.self_supervised.noise2void import AXES
from tf_denoise.uncertainty import estimate_psnr, residual_whiteness
from tf_denoise.uncertainty.sure import psnr_of

MOTION_WARNING = (
    "Warning: neighbouring planes are taken for two shots of one scene. What moves or changes from one to the next is "
    "then noise to the network, and it blurs it."
)
MethodName = Literal["noise2noise", "recorrupted", "noise2void"]
LOOKED_AT = 32
"""Photographs whose noise is looked at."""
_ALIKE = 0.1
_STRUCTURE = 0.2


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
    def along(self) -> str | None:
        """The axis along which neighbours share the noise, if one alone."""
        return self.noise.shared if self.noise.shared in AXES else None

    @property
    def between_channels(self) -> float:
        """Correlation of the noise of the channels."""
        return min(1.0, self.noise.between_channels) if self.noise.between_channels > _ALIKE else 0.0

    def batches(self, data: Parts, seed: int, start_step: int) -> tf.data.Dataset:
        """The endless batches of `fit`, a function of seed and step."""
        sampler = data.sampler(seed)
        sampler.batch(start_step)  # where it cannot, its sentence is lost within the dataset
        if self.method == "noise2noise":
            return twin_crops(sampler, start_step)
        if self.method == "recorrupted":
            noise = self.noise
            return recorrupted_crops(
                sampler, noise.sigma, noise.gain, between_channels=self.between_channels, start_step=start_step
            )
        return masked_crops(sampler, along=self.along, start_step=start_step)

    def judge(self, denoise: Callable[[np.ndarray], np.ndarray], pictures: list[tuple[np.ndarray, ...]]) -> float:
        """PSNR in dB, estimated without clean pictures; of Noise2Void that of hidden pixels against the noisy ones.

        Args:
            denoise: Of one image.
            pictures: Noisy images `(height, width, channels)`; of twins both.
        """
        if self.method == "noise2noise":
            return psnr_of(float(np.mean([_error_of_twins(denoise, *pair) for pair in pictures])))
        if self.method == "recorrupted":
            noise, between = self.noise, self.between_channels
            errors = [
                estimate_psnr(denoise, image, noise.sigma, noise.gain, between_channels=between, seed=number).mse
                for number, (image,) in enumerate(pictures)
            ]
            return psnr_of(float(np.mean(errors)))
        return psnr_of(float(np.mean([self._error_of_hidden(denoise, *one) for one in enumerate(pictures)])))

    def _error_of_hidden(self, denoise, number: int, picture: tuple[np.ndarray, ...]) -> float:
        (image,) = picture
        hidden, weight = hide_pixels(image[None], (number, 0), along=self.along)
        squares = ((denoise(hidden[0].numpy()) - image) ** 2).mean(axis=-1)
        return float(np.average(squares, weights=weight[0]))


def _error_of_twins(denoise, one: np.ndarray, other: np.ndarray) -> float:
    """Mean squared error against the clean picture: against the twin, less the variance of its noise."""
    across = (np.mean((denoise(one) - other) ** 2) + np.mean((denoise(other) - one) ** 2)) / 2
    return float(across - np.mean((one - other) ** 2) / 2)


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
    pictures = list(_looked_at(photographs))
    noise = find_noise(images[0] for _, images in pictures)
    if noise is None:
        raise InputError("The noisy photographs are too small to look at their noise; expected larger ones.")
    if noise.is_hidden:
        raise InputError(
            f"There is no noise to learn from in {data.description}: they have no more than rounding to 8 bits hides. "
            "To learn from clean photographs name them with --data."
        )
    if photographs.paired:
        for name, (one, other) in pictures:
            _check_twins(name, one, other, noise, data.next_plane)
        if wanted not in ("auto", "noise2noise"):
            raise InputError(f"--method {wanted} learns from single photographs; leave --noisy-twin out.")
        return Lesson("noise2noise", noise)
    if wanted == "noise2noise":
        raise InputError("--method noise2noise needs a second shot of each scene: --noisy-twin FOLDER.")
    if noise.shared == "both":
        raise InputError(
            f"The noise is {noise.sharing_in_words}; from such photographs alone no network can learn. What helps: a "
            f"second shot of each scene (--noisy-twin), photographs scaled down by {noise.width + 1}, or those before "
            "JPEG."
        )
    if wanted == "recorrupted" and not noise.is_white:
        found = "salt and pepper" if noise.impulses else noise.sharing_in_words
        raise InputError(
            f"The noise is {found}; --method recorrupted takes normal noise of each pixel alone: take noise2void."
        )
    method: MethodName = "recorrupted" if noise.is_white else "noise2void"
    return Lesson(method if wanted == "auto" else wanted, noise)


def _looked_at(photographs: Photographs) -> Iterator[tuple[str, tuple[np.ndarray, ...]]]:
    """Names and pixels of some photographs; of twins both."""
    for index in np.unique(np.linspace(0, len(photographs) - 1, min(len(photographs), LOOKED_AT)).astype(int)):
        with contextlib.suppress(PictureError):  # whoever trains on it leaves it out, and says so
            values = photographs.photograph(index)
            yield photographs.members[index].name, values if isinstance(values, tuple) else (values,)


def _check_twins(name: str, one: np.ndarray, other: np.ndarray, noise: FoundNoise, next_plane: bool) -> None:
    """Refuse two photographs that do not show the same: their difference would be noise alone."""
    found = residual_whiteness(one, other)
    middle = len(found.autocorrelation) // 2
    below, beside = found.autocorrelation[middle + 1, middle], found.autocorrelation[middle, middle + 1]
    allowed = [max(0.0, rho[0]) + _STRUCTURE for rho in (noise.along_columns, noise.along_rows)]
    if below > allowed[0] and beside > allowed[1] and next_plane:
        raise InputError(
            f"{name} and the plane before do not show the same: their difference has structure (neighbours in a row "
            f"share {beside:.2f} of it), so something moves; --noisy-twin next-plane would blur it: leave it out."
        )
    if below > allowed[0] and beside > allowed[1]:
        raise InputError(
            f"{name} and its twin do not show the same: their difference has structure (neighbours in a row share "
            f"{beside:.2f} of it), where that of two shots is noise. Was the camera or the scene moved? Move both away."
        )
