"""Heat maps as one looks at them: thresholds, colours over the picture."""

import numpy as np

from tf_denoise.extras import require


def threshold_heatmap(heatmap, low: float = 0.4, high: float = 0.9) -> np.ndarray:
    """Keep the values of a heat map that lie in [low, high], and stretch them to [0, 1].

    Kept values are rescaled by their own least and largest; all others become 0.

    Args:
        heatmap: `(..., height, width)` in [0, 1]; each map is treated on its own.
        low: Least value to keep.
        high: Largest value to keep.

    Returns:
        float32 of the same shape. If all kept values are alike there is nothing to stretch, and the map is zero.

    Raises:
        ValueError: Unless 0 <= low < high <= 1.

    Example:
        >>> threshold_heatmap([[0.3, 0.4], [0.65, 0.9]]).round(3).tolist()
        [[0.0, 0.0], [0.5, 1.0]]
    """
    if not 0 <= low < high <= 1:
        raise ValueError(f"Thresholds are 0 <= low < high <= 1; received low={low} and high={high}.")
    heatmap = np.asarray(heatmap, "float32")
    kept = (heatmap >= np.float32(low)) & (heatmap <= np.float32(high))
    least = np.where(kept, heatmap, np.inf).min(axis=(-2, -1), keepdims=True)
    largest = np.where(kept, heatmap, -np.inf).max(axis=(-2, -1), keepdims=True)
    contrast = largest > least
    return np.divide(heatmap - least, largest - least, out=np.zeros_like(heatmap), where=kept & contrast)


def overlay_heatmap(image, heatmap, weight: float = 0.5) -> np.ndarray:
    """A heat map in colours (blue to red) over its picture, made so bright that the largest value is full.

    Formula:
        ```
        mixed = weight * image + (1 - weight) * colours(heatmap);  overlay = 255 * mixed / max(mixed), cut to integers
        ```
        This is what pytorch-grad-cam's `show_cam_on_image` draws.

    Args:
        image: `(height, width, 1 or 3)` in [0, 1]; values outside are clipped.
        heatmap: `(height, width)` in [0, 1].
        weight: Share of the picture in the mixture, in [0, 1].

    Returns:
        uint8 `(height, width, 3)`.

    Raises:
        ValueError: If the sizes differ, a value is not finite or the weight lies outside [0, 1].
    """
    cv2 = require("cv2")
    image, heatmap = np.asarray(image, "float32"), np.asarray(heatmap, "float32")
    if image.ndim != 3 or image.shape[2] not in (1, 3) or image.shape[:2] != heatmap.shape:
        raise ValueError(
            f"An overlay takes an image (height, width, 1 or 3) and a heat map (height, width); received {image.shape} "
            f"and {heatmap.shape}."
        )
    if not 0 <= weight <= 1:
        raise ValueError(f"`weight` lies in 0..1; received {weight}.")
    if not (np.isfinite(image).all() and np.isfinite(heatmap).all()):
        raise ValueError("An overlay takes a finite image and heat map; received NaN or infinite values.")
    levels = np.uint8(255 * heatmap.clip(0, 1))
    colours = cv2.applyColorMap(levels, cv2.COLORMAP_JET)[..., ::-1].astype("float32") / 255
    mixed = weight * image.clip(0, 1) + (1 - weight) * colours
    return (255 * (mixed / max(mixed.max(), np.finfo("float32").tiny))).astype("uint8")
