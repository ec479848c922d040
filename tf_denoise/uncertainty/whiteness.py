"""Whether what a denoiser removed looks like noise: its autocorrelation, against that of white noise."""

import dataclasses

import numpy as np
import scipy.fft
import scipy.stats

STRUCTURE = 0.1
"""Autocorrelation that tells structure from the little that a good denoiser leaves in what it removes: with white noise
some hundredths, of either sign."""


@dataclasses.dataclass(frozen=True)
class Whiteness:
    """What `residual_whiteness` gives.

    Attributes:
        autocorrelation: `(2 * lags + 1, 2 * lags + 1)`, of what was removed, 1 in the middle, the mean over channels.
        bound: What white noise of that size exceeds at no lag in 99 of 100 pictures.
        deviation: Standard deviation of what was removed, with white at 1.
    """

    autocorrelation: np.ndarray
    bound: float
    deviation: float

    @property
    def largest(self) -> tuple[float, tuple[int, int]]:
        """The autocorrelation that is largest in size beside the middle, and its lag `(rows, columns)`."""
        lags = len(self.autocorrelation) // 2
        others = np.abs(self.autocorrelation)
        others[lags, lags] = 0
        row, column = np.unravel_index(int(others.argmax()), others.shape)
        return float(self.autocorrelation[row, column]), (int(row) - lags, int(column) - lags)

    @property
    def is_white(self) -> bool:
        """Whether white noise of that size could look like it."""
        return abs(self.largest[0]) <= self.bound

    @property
    def shows_structure(self) -> bool:
        """Whether neighbours share more of what was removed than a denoiser does to white noise."""
        return abs(self.largest[0]) > max(self.bound, STRUCTURE)


def residual_whiteness(noisy, denoised, lags: int = 4) -> Whiteness:
    """Autocorrelation of what a denoiser removed.

    White noise that was removed well leaves none. Structure that was taken for noise leaves a positive one along its
    edges; noise that neighbours share leaves that of the noise.

    Formula:
        ```
        r = noisy - denoised - mean;   rho(d) = sum r(p) r(p + d) / sum r(p)**2, over the pairs within the picture,
        divided by their share
        ```

    Args:
        noisy: Picture `(height, width)` or `(height, width, channels)`.
        denoised: The same shape, values in the same range.
        lags: How far, in pixels, along rows and columns.

    Returns:
        The autocorrelation with its bound.

    Raises:
        ValueError: If the shapes differ, or the picture is not larger than `lags`.
    """
    one, other = np.asarray(noisy), np.asarray(denoised)
    if one.shape != other.shape or one.ndim not in (2, 3) or min(one.shape[:2]) <= 2 * lags:
        raise ValueError(
            f"Noisy and denoised picture have one shape (height, width, channels), larger than {2 * lags} pixels; "
            f"received {one.shape} and {other.shape}."
        )
    white = float(np.iinfo(one.dtype).max) if one.dtype.kind == "u" else 1.0
    removed = (one.astype("float64") - other.astype("float64")) / white
    removed = removed.reshape(*removed.shape[:2], -1)
    removed -= removed.mean(axis=(0, 1))
    found = np.mean([_autocorrelation(removed[..., c], lags) for c in range(removed.shape[-1])], axis=0)
    compared = (2 * lags + 1) ** 2 // 2
    bound = scipy.stats.norm.ppf(1 - 0.01 / 2 / compared) / np.sqrt(removed.size)
    return Whiteness(found, float(bound), float(removed.std()))


def _autocorrelation(values: np.ndarray, lags: int) -> np.ndarray:
    height, width = values.shape
    size = scipy.fft.next_fast_len(height + lags), scipy.fft.next_fast_len(width + lags)
    power = np.abs(scipy.fft.rfft2(values, size)) ** 2
    products = np.roll(scipy.fft.irfft2(power, size), (lags, lags), (0, 1))[: 2 * lags + 1, : 2 * lags + 1]
    distance = np.abs(np.arange(-lags, lags + 1))
    share = np.outer(1 - distance / height, 1 - distance / width)
    total = products[lags, lags]
    return products / share / total if total > 0 else np.zeros_like(products)
