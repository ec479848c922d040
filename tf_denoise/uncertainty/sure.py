"""How good a denoised picture is, estimated without the clean one: Stein's unbiased risk estimate by Monte Carlo."""

import dataclasses
import math

import numpy as np

from tf_denoise.checks import whole_number
from tf_denoise.noise.known import checked_noise
from tf_denoise.tiling import TiledDenoiser

_STEP = 1e-3
"""Of the finite difference, in deviations of the noise of a pixel."""
_LEAST_STEP = 1e-4
_BLOCK = 32
_LEAST_MSE = 1e-10
_LEAST_SHARE = 0.02


@dataclasses.dataclass(frozen=True)
class EstimatedPSNR:
    """What `estimate_psnr` gives.

    Attributes:
        psnr: Estimated PSNR of the denoised picture in dB, for values in [0, 1]; 100 dB at the most.
        mse: Estimated mean squared error; chance may lead below 0.
        standard_error: Of `mse`: how far the noise of this one picture and the random probes make it uncertain.
    """

    psnr: float
    mse: float
    standard_error: float

    @property
    def interval(self) -> tuple[float, float]:
        """PSNR in dB at both ends of the 95 % interval of `mse`.

        Example:
            >>> EstimatedPSNR(30.0, 0.001, 0.0001).interval[0] < 30 < EstimatedPSNR(30.0, 0.001, 0.0001).interval[1]
            True
        """
        return psnr_of(self.mse + 1.96 * self.standard_error), psnr_of(self.mse - 1.96 * self.standard_error)


def psnr_of(mse: float) -> float:
    """PSNR in dB of a mean squared error of values in [0, 1], with the error floored at 1e-10.

    Example:
        >>> psnr_of(0.001), psnr_of(-1.0)
        (30.0, 100.0)
    """
    return -10 * math.log10(max(mse, _LEAST_MSE))


def judged_psnr(mse: float, variance: float) -> float:
    """PSNR in dB of an estimated mean squared error, which may be wrong by more than there is of it.

    Below a fiftieth of the variance of the noise it goes on as its tangent does, so that a lower estimate is always the
    better one, also below 0.

    Example:
        >>> round(judged_psnr(0.001, 0.01), 6), judged_psnr(-0.001, 0.01) > judged_psnr(0.0, 0.01) > 30
        (30.0, True)
    """
    least = _LEAST_SHARE * variance
    if mse >= least:
        return psnr_of(mse)
    return highest_psnr(variance) + 10 / math.log(10) * (least - mse) / max(least, 1e-12)


def highest_psnr(variance: float) -> float:
    """The PSNR in dB up to which an estimate under noise of this variance can be taken at its word.

    Example:
        >>> round(highest_psnr(0.01), 2)
        36.99
    """
    return psnr_of(_LEAST_SHARE * variance)


def estimate_psnr(
    model,
    noisy,
    sigma: float,
    gain: float = 0.0,
    *,
    between_channels: float = 0.0,
    denoised=None,
    where=None,
    probes: int = 2,
    seed: int = 0,
) -> EstimatedPSNR:
    """Estimate the PSNR of a denoised picture from the noisy one alone.

    The noise must be known, independent from pixel to pixel, and not clipped; `tf_denoise.noise.find_noise` finds what
    it is. Each probe costs one more pass through the network.

    Formula:
        ```
        y = gain * Poisson(x / gain) + sigma * normal
        w = gain * y + sigma**2                                  # the variance of a value, right in the mean
        mse ~ mean((f(y) - y)**2 - w + 2 * p * (f(y + e * p) - f(y)) / e),   p = sqrt(w) * b, b standard normal
        ```
        Its expectation is that of `mean((f(y) - x)**2)`: for Gaussian noise as e goes to 0, and to first order in
        `gain` for photons.

    Args:
        model: A network of images `(batch, height, width, channels)`, or a `TiledDenoiser`; any function of one
            picture will do.
        noisy: Picture `(height, width)` or `(height, width, channels)`, floating point with white at 1, or uint8 or
            uint16, of any size.
        sigma: Standard deviation of the Gaussian noise, with white at 1.
        gain: Step of the value that one photon makes.
        between_channels: Correlation of the noise of the channels of a pixel, from 0 to 1.
        denoised: What the network makes of `noisy`, in the same values, where it is known already.
        where: Boolean, of the shape of `noisy`: the values that are judged, chosen without regard to their noise.
            Defaults to all.
        probes: Random directions in which the network is felt, 2 or more.
        seed: Integer seed of the probes.

    Returns:
        The estimate with its standard error.

    Raises:
        ValueError: If a number is not what it should be, or the picture is none.

    Reference:
        - [Ramani et al., Monte-Carlo SURE, 2008](https://doi.org/10.1109/TIP.2008.2001404)
        - [Luisier et al., Image Denoising in Mixed Poisson-Gaussian Noise, 2011](
          https://doi.org/10.1109/TIP.2010.2073477)
        - [Le Montagner et al., An Unbiased Risk Estimator for Image Denoising in the Presence of Mixed Poisson-Gaussian
          Noise, 2014](https://doi.org/10.1109/TIP.2014.2300821)
    """
    deviation, step, correlation = checked_noise(sigma, gain, between_channels)
    if (directions := whole_number(probes, 2)) is None:
        raise ValueError(f"`probes` is an integer of 2 or more; received {probes}.")
    denoise = TiledDenoiser(model) if getattr(model, "input_shape", None) is not None else model
    y = _as_shares(noisy)
    output = denoise(y) if denoised is None else _as_shares(denoised)
    if y.shape != output.shape or y.ndim not in (2, 3):
        raise ValueError(
            "Noisy and denoised picture have one shape, (height, width) or (height, width, channels); received "
            f"{y.shape} and {output.shape}."
        )
    judged = np.ones(y.shape, bool) if where is None else np.asarray(where, bool)
    if judged.shape != y.shape or not judged.any():
        raise ValueError(
            f"`where` has the shape of the picture, {y.shape}, and is true somewhere; received {judged.shape}."
        )
    variance = step * y + np.float32(deviation**2)
    spread = np.sqrt(np.maximum(variance, 0))
    stride = np.float32(max(_STEP, _LEAST_STEP / max(float(spread.mean()), 1e-12)))
    random = np.random.default_rng(seed)
    divergences = []
    for _ in range(directions):
        probe = spread * _standard_normal(random, y.shape, correlation)
        felt = (denoise(y + stride * probe) - output) / stride
        divergences.append(_block_sums(2 * probe * felt * judged))
    count = int(judged.sum())
    residual = np.mean(((output - y) ** 2 - variance)[judged], dtype="float64")
    mse = float(residual + np.mean(divergences, axis=0).sum() / count)
    others = y.shape[2] - 1 if y.ndim == 3 else 0
    by_noise = _error_of_noise(variance[judged], mse) * (1 + others * correlation)
    error = by_noise + _error_of_probes(np.stack(divergences), count)
    return EstimatedPSNR(psnr_of(mse), mse, math.sqrt(error))


def _as_shares(picture) -> np.ndarray:
    """Values as shares of white, float32."""
    picture = np.asarray(picture)
    white = np.iinfo(picture.dtype).max if picture.dtype.kind == "u" else 1
    return picture.astype("float32") / np.float32(white)


def _standard_normal(random: np.random.Generator, shape: tuple[int, ...], correlation: float) -> np.ndarray:
    """Standard normal values with that correlation of the channels of a pixel."""
    own = random.standard_normal(shape, dtype="float32")
    if len(shape) == 2 or not correlation:
        return own
    common = random.standard_normal((*shape[:2], 1), dtype="float32")
    return np.float32(math.sqrt(correlation)) * common + np.float32(math.sqrt(1 - correlation)) * own


def _block_sums(values: np.ndarray) -> np.ndarray:
    """Sums over squares of 32 x 32 pixels and all channels."""
    blocks = [np.arange(0, side, _BLOCK) for side in values.shape[:2]]
    flat = values.reshape(*values.shape[:2], -1).sum(axis=-1, dtype="float64")
    return np.add.reduceat(np.add.reduceat(flat, blocks[0], 0), blocks[1], 1)


def _error_of_noise(variance: np.ndarray, mse: float) -> float:
    """Variance of the estimate by the noise of the picture: that of `n**2 - 2 * n * (f(y) - x)` with `n` the noise."""
    single = 2 * variance**2 + 4 * np.maximum(variance, 0) * max(mse, 0.0)
    return float(np.mean(single, dtype="float64")) / variance.size


def _error_of_probes(sums: np.ndarray, size: int) -> float:
    """Variance of the mean over the probes, from how they differ within blocks."""
    return float(sums.var(axis=0, ddof=1).sum()) / len(sums) / size**2
