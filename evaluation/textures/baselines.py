"""The classical denoisers: one function each, and the parameters that are tried.

Each takes one noisy image, float32 `(height, width, channels)`, [0, 1] plus noise, not clipped, and gives one of the
same shape. Where the right strength depends on the noise, the parameter is a multiple of the deviation estimated from
the image itself: one setting then serves many noise levels, as it has to where the noise is not known.
"""

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from scipy import ndimage

from tf_denoise.extras import require
from tf_denoise.noise.estimate import estimate_sigma


def gaussian_blur(image: np.ndarray, kernel_size: int = 5, sigma: float = 1.0) -> np.ndarray:
    """OpenCV's Gaussian blur.

    Args:
        image: float32 `(height, width, channels)`.
        kernel_size: Odd side of the kernel in pixels.
        sigma: Deviation in pixels; 0 takes OpenCV's own kernel of that size (binomial for 3 and 5 pixels).

    Returns:
        float32, of the same shape.
    """
    cv2 = require("cv2")
    return cv2.GaussianBlur(image, (kernel_size, kernel_size), sigma).reshape(image.shape)


def median_filter(image: np.ndarray, size: int = 3) -> np.ndarray:
    """The median of `size` x `size` pixels, each channel by itself, edges repeated.

    OpenCV's for 3 and 5 pixels, which is many times faster but goes no further on float32; SciPy's beyond.

    Args:
        image: float32 `(height, width, channels)`.
        size: Odd side of the neighbourhood in pixels.
    """
    if size > 5:
        return ndimage.median_filter(image, size=(size, size, 1), mode="nearest")
    cv2 = require("cv2")
    planes = (np.ascontiguousarray(image[..., channel]) for channel in range(image.shape[-1]))
    return np.stack([cv2.medianBlur(plane, size) for plane in planes], axis=-1)


def non_local_means(image: np.ndarray, strength: float = 0.5) -> np.ndarray:
    """scikit-image's fast non-local means: patches of 5 x 5, looked for up to 11 pixels away.

    Args:
        image: float32 `(height, width, channels)`.
        strength: The cut-off distance, as a multiple of the estimated deviation.

    Reference:
        - [Buades et al., A non-local algorithm for image denoising, 2005](https://doi.org/10.1109/CVPR.2005.38)
    """
    denoise_nl_means = require("skimage.restoration").denoise_nl_means
    sigma = estimate_sigma(image)
    options = {"patch_size": 5, "patch_distance": 11, "fast_mode": True, "channel_axis": -1}
    return denoise_nl_means(image, h=strength * sigma, sigma=sigma, **options).reshape(image.shape)


def total_variation(image: np.ndarray, weight: float = 1.0) -> np.ndarray:
    """scikit-image's total variation (Chambolle), all channels together.

    Args:
        image: float32 `(height, width, channels)`.
        weight: How much smoothness counts, as a multiple of the estimated deviation.

    Reference:
        - [Chambolle, An algorithm for total variation minimization, 2004](https://doi.org/10.1023/B:JMIV.0000011325.36760.1e)
    """
    denoise_tv_chambolle = require("skimage.restoration").denoise_tv_chambolle
    return denoise_tv_chambolle(image, weight=weight * estimate_sigma(image), channel_axis=-1)


def opencv_non_local_means(image: np.ndarray, strength: float = 0.6) -> np.ndarray:
    """OpenCV's non-local means, patches of 7 x 7, looked for in 21 x 21: colour in Lab, any other channels one by one.

    It works on 8 bit, so what noise carries out of [0, 1] is cut off before.

    Args:
        image: float32 `(height, width, channels)`.
        strength: The filter strength, as a multiple of the estimated deviation.
    """
    cv2 = require("cv2")
    strength = strength * estimate_sigma(image) * 255
    bytes_ = np.round(np.clip(image, 0, 1) * 255).astype("uint8")
    if image.shape[-1] == 3:  # OpenCV's order is blue, green, red
        bgr = cv2.fastNlMeansDenoisingColored(np.ascontiguousarray(bytes_[..., ::-1]), None, strength, strength, 7, 21)
        result = bgr[..., ::-1]
    else:
        planes = (np.ascontiguousarray(bytes_[..., channel]) for channel in range(image.shape[-1]))
        result = np.stack([cv2.fastNlMeansDenoising(plane, None, strength, 7, 21) for plane in planes], axis=-1)
    return result.astype("float32") / 255


@dataclasses.dataclass(frozen=True)
class Baseline:
    """A classical denoiser.

    Attributes:
        title: Its name in tables.
        function: `(image, **parameters)` to an image of the same shape.
        grid: The values to be tried of each parameter; all their combinations are.
    """

    title: str
    function: Callable[..., np.ndarray]
    grid: Mapping[str, Sequence[float]]

    def candidates(self) -> list[dict[str, float]]:
        """All combinations of the grid."""
        return [dict(zip(self.grid, values, strict=True)) for values in itertools.product(*self.grid.values())]


BASELINES = {
    "gaussian_blur": Baseline(
        "Gaussian blur",
        gaussian_blur,
        {"kernel_size": (3, 5, 7, 9), "sigma": tuple(step / 4 for step in range(13))},
    ),
    "median": Baseline("Median", median_filter, {"size": (3, 5, 7, 9)}),
    "total_variation": Baseline("Total variation", total_variation, {"weight": (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)}),
    "non_local_means": Baseline("Non-local means", non_local_means, {"strength": (0.2, 0.3, 0.4, 0.5, 0.6, 0.8)}),
    "opencv_non_local_means": Baseline(
        "OpenCV non-local means", opencv_non_local_means, {"strength": (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0)}
    ),
}
