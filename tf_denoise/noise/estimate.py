"""How much noise there is in a picture, estimated from the picture itself."""

import numpy as np

LEAST_SIGMA = 1e-3
"""Least estimated deviation: a quarter of a step of 8 bits, so that no strength becomes zero."""
_WINDOW, _WINDOWS = 192, 4


def estimate_sigma(image: np.ndarray) -> float:
    """Deviation of white noise, estimated from an image.

    Formula: the median of `abs(image * m)` over pixels and channels, divided by 6 * 0.6745; `m` is the outer product of
    (1, -2, 1) with itself, blind to edges along the axes and to slopes, and 6 is the root of the sum of its squares.

    Args:
        image: float32 `(height, width, channels)`, at least 3 x 3.

    Returns:
        The deviation, in the image's units, at least `LEAST_SIGMA`.

    Reference:
        - [Immerkaer, Fast Noise Variance Estimation, 1996](https://doi.org/10.1006/cviu.1996.0060), with the median in
          the place of the mean

    Example:
        >>> noise = np.random.default_rng(0).normal(0.5, 0.1, (64, 64, 1))
        >>> round(estimate_sigma(noise), 2)
        0.1
    """
    second = np.diff(np.diff(image, 2, axis=0), 2, axis=1)
    return max(LEAST_SIGMA, float(np.median(np.abs(second))) / (6 * 0.6745))


def sample_windows(image: np.ndarray) -> list[np.ndarray]:
    """Windows of a large picture, at equal distances; the picture itself where it is small.

    Args:
        image: `(height, width, channels)`.

    Returns:
        At most 16 views of 192 x 192 pixels, so that estimating costs the same for every size.
    """
    starts = [
        np.unique(np.linspace(0, max(0, size - _WINDOW), _WINDOWS).astype(int)) if size > _WINDOW else [0]
        for size in image.shape[:2]
    ]
    return [image[top : top + _WINDOW, left : left + _WINDOW] for top in starts[0] for left in starts[1]]


def picture_sigma(image: np.ndarray, white: float = 1.0) -> float | None:
    """Deviation of the noise of a picture of any size and type: the lower quartile over windows, as texture adds to it.

    Args:
        image: `(height, width, channels)`.
        white: The value of white.

    Returns:
        The deviation as a share of white, or `None` for a picture smaller than 3 x 3.

    Example:
        >>> noise = np.random.default_rng(0).normal(128, 20, (400, 600, 3)).astype("uint8")
        >>> round(255 * picture_sigma(noise, white=255))
        20
    """
    if min(image.shape[:2]) < 3:
        return None
    return float(np.quantile([estimate_sigma(w.astype("float32") / white) for w in sample_windows(image)], 0.25))
