"""How much noise a picture has, once it is denoised: far closer than the picture alone can tell."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy.fft

from tf_denoise.noise.found import HALF, SIDE, FoundNoise, gather_blocks, has_no_noise

QUIET = 0.003
"""Blocks are looked at whose denoised power at high frequencies is at most this share of that of the noise. On
crops of 256 x 256 of eleven photographs the variance was then read 0.1 % too high in the mean at a deviation of 50
(255ths), 0.3 % at 15, and 6 % at 5, where texture is taken for noise."""
CUT_OFF = 2.5
"""Within so many deviations of black and white noise is cut off in a picture that has such values."""
TILTED = 1.1
"""Noise whose middle frequencies have so many times the power of its high ones, or the reverse, is shared a little. On
crops of 384 x 384 of 21 photographs white noise of a deviation of 5 to 50 had 0.95 to 1.12 times, noise that
neighbours share at a correlation of 0.09 had 1.15 to 1.29."""
_CLIPPED = 1e-3
_LEAST_BLOCKS = 30
"""Of fewer quiet ones texture would be taken for noise. On the middles of 28 photographs, 96 x 96 pixels, at deviations
of 5 to 15 the variance was read 10 % to 60 % too high where fewer than 30 of up to 432 were quiet and the quietest 300
were taken all the same, 1 % to 5 % too high where 30 to 100 of them were, and these alone were taken."""
_TILT_BLOCKS = 300  # for the tilt a little texture among them does less harm than too few
_CERTAIN, _CERTAIN_TILT = 4.0, 2.0
_FREQUENCY = np.add.outer(np.arange(HALF, SIDE), np.arange(HALF, SIDE))
_MIDDLE, _HIGHEST = _FREQUENCY <= 10, _FREQUENCY >= 12


class RefinedNoise(NamedTuple):
    """What `refined_noise` tells.

    Attributes:
        noise: The noise with another `deviation`, `sigma` and `gain`.
        error: The standard error of its variance as a share of it.
        tilt: The power of its middle frequencies, times that of its high ones: 1 for white noise.
        tilt_error: The standard error of that.
    """

    noise: FoundNoise
    error: float
    tilt: float
    tilt_error: float

    @property
    def is_shared(self) -> bool:
        """Whether neighbours share it after all, a little, by more than chance explains."""
        most = max(TILTED, 1 + _CERTAIN_TILT * self.tilt_error)
        return not 1 / most <= self.tilt <= most


def within_range(noise: FoundNoise, denoised: np.ndarray) -> np.ndarray:
    """Where noise is not cut off, told by the denoised picture alone, so that it does not depend on the noise there.

    Args:
        noise: What was found.
        denoised: Values with white at 1, of any shape.

    Returns:
        Boolean, of the shape of `denoised`; true everywhere in a picture without black and white values.
    """
    if noise.clipped < _CLIPPED:
        return np.ones(denoised.shape, bool)
    margin = CUT_OFF * np.sqrt(noise.gain * np.clip(denoised, 0, 1) + noise.sigma**2)
    return (denoised >= margin) & (denoised <= 1 - margin)


def refined_noise(noise: FoundNoise, noisy: np.ndarray, denoised: np.ndarray) -> RefinedNoise | None:
    """The noise of a picture with its level told more closely, by means of what a denoiser made of it.

    Blocks of 8 x 8 pixels that are smooth once they are denoised show nothing but noise at their high frequencies. The
    blocks are chosen by every second frequency of the denoised picture and looked at in the others of the noisy one,
    and the reverse: what a denoiser left of the noise does not choose among it. How the power grows with the light is a
    line fitted to it.

    Args:
        noise: What `find_noise` found, white.
        noisy: Picture `(height, width, channels)`, uint8, uint16, or floating point with white at 1.
        denoised: What a denoiser made of it.

    Returns:
        The noise, how sure its level is, and whether neighbours share it; `None` where there are too few such blocks.
    """
    blocks, smooth = (_by_channel(gather_blocks([picture])[0]) for picture in (noisy, denoised))
    usable = np.flatnonzero(within_range(noise, smooth).all(axis=(1, 2, 3)) & ~has_no_noise(blocks))
    if len(usable) < _LEAST_BLOCKS:
        return None
    power, left = _high(blocks[usable]), _high(smooth[usable])
    variances, lights, bands = [], [], []
    for parity in (0, 1):
        others = parity != _FREQUENCY % 2
        activity = left[:, ~others].mean(axis=1)
        chosen = np.flatnonzero(activity <= QUIET * noise.deviation**2)
        if len(chosen) < _LEAST_BLOCKS:
            return None
        variances.append(power[chosen][:, others].mean(axis=1))
        quietest = power[np.argsort(activity, kind="stable")[: max(_TILT_BLOCKS, len(chosen))]]
        bands.append([quietest[:, others & some].mean(axis=1) for some in (_MIDDLE, _HIGHEST)])
        lights.append(smooth[usable[chosen]].mean(axis=(1, 2, 3)))
    variance, light = np.concatenate(variances), np.concatenate(lights)
    sigma2, gain = _line(light, variance)
    whole = gain * float(smooth.mean()) + sigma2
    told = dataclasses.replace(noise, deviation=float(np.sqrt(whole)), sigma=float(np.sqrt(sigma2)), gain=gain)
    spread = float(np.std(variance / (gain * light + sigma2))) if whole else 0.0
    alike = max(0.0, noise.between_channels) ** 2 * (noisy.shape[-1] - 1)  # channels that share the noise tell it once
    error = spread * float(np.sqrt((1 + alike) / len(variance)))
    return RefinedNoise(told, error, *_ratio(bands, alike))


def refined_together(noise: FoundNoise, pictures: Sequence[np.ndarray], denoised: Sequence[np.ndarray]) -> FoundNoise:
    """The noise of several pictures with its level told more closely, one level for all of them.

    Args:
        noise: What `find_noise` found, white.
        pictures: As for `refined_noise`.
        denoised: What a denoiser made of each.

    Returns:
        The noise; as it was found where none of the pictures tells it more closely.
    """
    told = [refined_noise(noise, *both) for both in zip(pictures, denoised, strict=True)]
    known = [one.noise for one in told if one is not None and one.noise.deviation > 0]
    if not known:
        return noise
    sigma, deviation = (
        float(np.sqrt(np.mean([getattr(one, name) ** 2 for one in known]))) for name in ("sigma", "deviation")
    )
    return dataclasses.replace(noise, sigma=sigma, deviation=deviation, gain=float(np.mean([n.gain for n in known])))


def _ratio(bands: Sequence[Sequence[np.ndarray]], alike: float) -> tuple[float, float]:
    """The power of middle frequencies to that of high ones, and its standard error: a pair for each half of them."""
    middle, highest = (sum(float(half[part].mean()) for half in bands) for part in (0, 1))
    if not highest:
        return 1.0, 0.0
    ratio = middle / highest
    variances = [(half[0] - ratio * half[1]).var() / len(half[0]) for half in bands]
    return ratio, float(np.sqrt((1 + alike) * sum(variances))) / highest


def _by_channel(blocks: np.ndarray) -> np.ndarray:
    """Each channel of a block as a block of its own: of a red place blue may be black, and red tells the noise."""
    return np.moveaxis(blocks, -1, 1).reshape(-1, *blocks.shape[1:3], 1)


def _high(blocks: np.ndarray) -> np.ndarray:
    """The power of each block at its high frequencies, `(count, 4, 4)`."""
    return scipy.fft.dctn(blocks[..., 0], axes=(1, 2), norm="ortho")[:, HALF:, HALF:] ** 2


def _line(light: np.ndarray, variance: np.ndarray) -> tuple[float, float]:
    """`variance = sigma2 + gain * light`, with a gain of 0 where none is certain."""
    mean = float(variance.mean())
    middle = light - light.mean()
    weights = np.ones(len(light))
    if not middle.any():
        return mean, 0.0
    for _ in range(3):  # a block's variance is known to the same share of itself
        centre = np.average(light, weights=weights)
        spread = np.average((light - centre) ** 2, weights=weights)
        gain = np.average((light - centre) * variance, weights=weights) / spread
        base = np.average(variance, weights=weights) - gain * centre
        weights = 1 / np.maximum(base + gain * light, 0.05 * mean) ** 2
    rest = np.average((variance - base - gain * light) ** 2, weights=weights)
    error = float(np.sqrt(rest / spread / len(light)))
    if gain < _CERTAIN * error or gain < 0.05 * mean:
        return mean, 0.0
    return max(float(base), 0.0), float(gain)
