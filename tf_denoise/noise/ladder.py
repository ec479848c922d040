"""The ladder of noise levels that held-out photographs are judged at, the same for validation and test."""

import keras
import numpy as np

from tf_denoise.noise.camera import CameraNoise
from tf_denoise.noise.gaussian import AdditiveGaussian
from tf_denoise.noise.strengths import Strengths

LEVELS_255 = (15.0, 25.0, 50.0)
"""The deviations, in 255ths, that the field reports."""


def noise_levels(sigma_255: float | tuple[float, ...]) -> tuple[float, ...]:
    """The levels at which a network is judged that was trained on a range of noise.

    Args:
        sigma_255: One deviation, or the least and the most, in 255ths.

    Returns:
        15, 25 and 50 where the range holds all of them, else the three that cut the range into quarters; a single
        deviation gives one level.

    Raises:
        ValueError: If there are not one or two deviations in ascending order, or one is negative.

    Example:
        >>> noise_levels((5, 55)), noise_levels((60, 80)), noise_levels(25)
        ((15.0, 25.0, 50.0), (65.0, 70.0, 75.0), (25.0,))
    """
    ends = [float(end) for end in np.atleast_1d(sigma_255)]
    if len(ends) not in (1, 2) or not 0 <= ends[0] <= ends[-1] < np.inf:
        raise ValueError(
            f"`sigma_255` is one deviation, or the least and the most, of 0 or more; received {sigma_255}."
        )
    low, high = ends[0], ends[-1]
    if low == high:
        return (low,)
    if low <= LEVELS_255[0] and LEVELS_255[-1] <= high:
        return LEVELS_255
    return tuple(round(low + (high - low) * quarter / 4, 2) for quarter in (1, 2, 3))


def at_level(noise: keras.layers.Layer, level_255: float) -> keras.layers.Layer:
    """The same kind of noise with one deviation for all images, for images in [0, 1].

    Of the noise of cameras, a mix of kinds, it is the white Gaussian one: a level stands for one kind alone.

    Args:
        noise: A layer with a `sigma`, such as `AdditiveGaussian` and `PoissonGaussian`.
        level_255: The deviation in 255ths.

    Example:
        >>> from tf_denoise.noise import AdditiveGaussian
        >>> at_level(AdditiveGaussian((5 / 255, 55 / 255)), 51).sigma
        0.2
    """
    if isinstance(noise, CameraNoise):
        return AdditiveGaussian(level_255 / 255)
    return type(noise).from_config({**noise.get_config(), "sigma": level_255 / 255, "name": None})


def noise_ladder(noise: keras.layers.Layer | None) -> dict[float | None, keras.layers.Layer | None]:
    """The noise of each level at which a network is judged that was trained with `noise`.

    Args:
        noise: A noise layer for images in [0, 1]; `None` for photographs that bring their own noise.

    Returns:
        By level in 255ths a layer of that one deviation. Noise without a deviation (salt and pepper) and photographs
        that bring their own have a single level without a name, `None`.

    Example:
        >>> from tf_denoise.noise import AdditiveGaussian, SaltAndPepper
        >>> list(noise_ladder(AdditiveGaussian((5 / 255, 55 / 255)))), list(noise_ladder(SaltAndPepper(0.3)))
        ([15.0, 25.0, 50.0], [None])
    """
    sigma = getattr(noise, "sigma", None)
    if noise is None or sigma is None or isinstance(sigma, Strengths):
        return {None: noise}
    levels = noise_levels(tuple(round(255 * float(end), 6) for end in np.atleast_1d(sigma)))
    return {level: at_level(noise, level) for level in levels}
