"""How a network is judged while it is trained: against clean photographs, or from noisy ones alone."""

from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from evaluation.metrics import psnr
from tf_denoise.data.noisy_pair import NoisyPair
from tf_denoise.self_supervised import hide_pixels
from tf_denoise.uncertainty import estimate_psnr
from tf_denoise.uncertainty.assessment import LEAST_JUDGED
from tf_denoise.uncertainty.level import refined_together, within_range
from tf_denoise.uncertainty.sure import judged_psnr, psnr_of
from training.textures.noisy_only import Lesson

JUDGED_SIDE = 192
"""A judgement sees the centre of each validation photograph, no wider and no higher than this, at every noise level:
24 photographs at 3 levels are three million pixels, whole ones of 512 x 512 nineteen."""


class Judge:
    """Judges a network without clean pictures: estimated PSNR, of Noise2Void that of hidden pixels against noisy ones.

    All states of a network are judged at one level of noise and on the same places, so that they can be compared. Where
    the level counts, with Recorrupted-to-Recorrupted, it is told more closely than the noisy pictures alone tell it, by
    what a denoiser that is there already makes of them; places where noise is cut off at black and white are left out.

    Args:
        lesson: How the network learns.
        pictures: Noisy images `(height, width, channels)`; of twins both.
        reference: A denoiser of one image, for Recorrupted-to-Recorrupted.
    """

    def __init__(
        self,
        lesson: Lesson,
        pictures: Sequence[tuple[np.ndarray, ...]],
        reference: Callable[[np.ndarray], np.ndarray] | None = None,
    ):
        self.lesson, self.pictures, self.noise = lesson, pictures, lesson.noise
        self._where: Sequence[np.ndarray | None] = [None] * len(pictures)
        if reference is not None:
            self._look(reference)

    def _look(self, reference: Callable[[np.ndarray], np.ndarray]) -> None:
        """Tell the level more closely, and where noise is cut off."""
        denoised = [reference(image) for (image,) in self.pictures]
        self.noise = refined_together(self.noise, [image for (image,) in self.pictures], denoised)
        masks = [within_range(self.noise, values) for values in denoised]
        judged = [number for number, mask in enumerate(masks) if mask.mean() >= LEAST_JUDGED]
        if judged:  # else there is nothing better than all of it
            self.pictures, self._where = [self.pictures[n] for n in judged], [masks[n] for n in judged]

    def __call__(self, denoise: Callable[[np.ndarray], np.ndarray]) -> float:
        """The judgement on a network, in dB: more is better.

        Args:
            denoise: The network, a function of one image.
        """
        if self.lesson.method == "noise2noise":
            errors, variances = zip(*(_errors_of_twins(denoise, *pair) for pair in self.pictures), strict=True)
            return judged_psnr(float(np.mean(errors)), float(np.mean(variances)))
        if self.lesson.method == "recorrupted":
            estimated = [self._estimated(denoise, number) for number in range(len(self.pictures))]
            shares = [1.0 if where is None else where.mean() for where in self._where]
            return judged_psnr(float(np.average(estimated, weights=shares)), self.noise.deviation**2)
        return psnr_of(float(np.mean([self._error_of_hidden(denoise, *one) for one in enumerate(self.pictures)])))

    def _estimated(self, denoise, number: int) -> float:
        (image,) = self.pictures[number]
        noise, where = self.noise, self._where[number]
        between = noise.channel_correlation
        return estimate_psnr(
            denoise, image, noise.sigma, noise.gain, between_channels=between, where=where, seed=number
        ).mse

    def _error_of_hidden(self, denoise, number: int, picture: tuple[np.ndarray, ...]) -> float:
        (image,) = picture
        hidden, weight = hide_pixels(image[None], (number, 0), along=self.lesson.along)
        squares = ((denoise(hidden[0].numpy()) - image) ** 2).mean(axis=-1)
        return float(np.average(squares, weights=weight[0]))


def _errors_of_twins(denoise, one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """Mean squared error against the clean picture: against the twin, less the variance of its noise. And that."""
    across = (np.mean((denoise(one) - other) ** 2) + np.mean((denoise(other) - one) ** 2)) / 2
    variance = float(np.mean((one - other) ** 2)) / 2
    return float(across) - variance, variance


def centre(image: np.ndarray) -> np.ndarray:
    """What a judgement sees of an image, copied so that the rest need not be held."""
    top, left = (max(0, side - JUDGED_SIDE) // 2 for side in image.shape[:2])
    return image[top : top + JUDGED_SIDE, left : left + JUDGED_SIDE].copy()


def judge_of(model: keras.Model, shipped: keras.Model, pictures: list[NoisyPair]) -> Callable[[], float]:
    """A function that gives the mean PSNR in dB, on pictures, of a network as it will be saved.

    Args:
        model: The network that is trained.
        shipped: The one that is saved, which takes its weights. Its outputs are clipped to [0, 1].
        pictures: The pictures to judge on.
    """
    denoise = tf.function(lambda images: shipped(images, training=False), reduce_retracing=True)

    def judge() -> float:
        shipped.set_weights(model.get_weights())
        values = [
            psnr(picture.clean[None], tf.clip_by_value(denoise(picture.noisy[None]), 0, 1), max_val=1.0)
            for picture in pictures
        ]
        return float(np.mean(values))

    return judge
