"""Bootstrap over images.

All series of a comparison are resampled with the same draws, so the difference of two series' replicates is the
paired bootstrap of their difference.
"""

import numpy as np

REPLICATES = 1000


class Bootstrap:
    """Resamples a set of images with replacement.

    Args:
        num_images: Images in the set.
        replicates: Number of resamples.
        seed: Integer seed of the draws.

    Reference:
        - [Efron and Tibshirani, An Introduction to the Bootstrap, 1993](https://doi.org/10.1201/9780429246593)

    Example:
        >>> values = np.random.default_rng(0).normal(size=400)
        >>> low, high = interval(Bootstrap(400).means(values))
        >>> bool(low < values.mean() < high)
        True
    """

    def __init__(self, num_images: int, replicates: int = REPLICATES, seed: int = 0):
        generator = np.random.default_rng(seed)
        self._weights = np.empty((replicates, num_images), "float32")
        for row in self._weights:
            row[:] = np.bincount(generator.integers(0, num_images, num_images), minlength=num_images)
        self._weights /= num_images

    def means(self, values) -> np.ndarray:
        """The mean of each resample: `(images,)` or `(images, k)` to `(replicates,)` or `(replicates, k)`."""
        values = np.asarray(values, "float64")
        centre = values.mean(axis=0)  # float32 weights lose nothing on what is left after the mean
        return centre + self._weights @ (values - centre).astype("float32")


def interval(replicates, confidence: float = 0.95) -> tuple[float, float]:
    """The percentile interval of bootstrap replicates `(replicates,)`."""
    low, high = np.quantile(replicates, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
