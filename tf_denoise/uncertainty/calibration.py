"""How wide intervals must be, told by pictures whose clean version is known: conformal risk control. NumPy alone.

A head gives widths; one number, the scale, multiplies all of them. Of each picture of a calibration set it is known
which share of its values lies outside at each scale. The scale is the least at which the mean of these shares, with
one more picture counted as the worst that can be, is at most what is allowed. On a further picture, drawn as those
were, the expected share outside then is at most that, whatever the head is worth: wide intervals are all that a poor
one costs. Pictures are the unit, because pixels of one picture are wrong together.
"""

import numpy as np

from tf_denoise.checks import finite_number

SCALES = np.geomspace(0.02, 50, 1600)
"""The scales that are looked at, half a per cent apart."""
MISCOVERAGE = 0.1
"""Share of a picture's values that may lie outside, in the mean over pictures."""
WORST = 0.5
"""A picture with a larger share outside counts as this: the smaller the worst case is, the fewer pictures it takes."""


def needed_scales(residuals, below, above) -> np.ndarray:
    """By what the widths must be multiplied for each value to lie within its interval.

    Args:
        residuals: Clean minus denoised values, of any shape.
        below: How far the intervals reach below the denoised values, 0 or more.
        above: How far they reach above them.

    Returns:
        Float64 of the same shape; infinite where a width of 0 would have to grow.

    Example:
        >>> needed_scales([0.2, -0.3, 0.0], [0.1, 0.1, 0.1], [0.1, 0.1, 0.0]).round(6).tolist()
        [2.0, 3.0, 0.0]
    """
    residuals = np.asarray(residuals, "float64")
    width = np.where(residuals < 0, below, above).astype("float64")
    distance = np.abs(residuals)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(distance == 0, 0.0, distance / width)


def miscoverage_curve(needed, scales=SCALES) -> np.ndarray:
    """Which share of the values of a picture lies outside, at each scale.

    Args:
        needed: As `needed_scales` gives it, of any shape.
        scales: Ascending, `(scales,)`.

    Returns:
        Float64 `(scales,)`, descending.

    Example:
        >>> miscoverage_curve([0.5, 1.0, 2.0, 4.0], [0.4, 1.0, 3.0]).tolist()
        [1.0, 0.5, 0.25]
    """
    ordered = np.sort(np.ravel(needed))
    return 1 - np.searchsorted(ordered, np.asarray(scales, "float64"), side="right") / max(1, len(ordered))


def risk_controlling_scale(curves, scales=SCALES, miscoverage: float = MISCOVERAGE, worst: float = WORST) -> float:
    """The least scale at which the expected share of a further picture's values outside is bounded.

    Formula:
        ```
        risk(s) = mean over the n pictures of min(curve(s), worst)
        scale   = the least s with  (n * risk(s) + worst) / (n + 1) <= miscoverage
        ```
        For pictures that are exchangeable with the further one, the expectation of its `min(share, worst)` is at most
        `miscoverage`, over all that is random: those pictures and this one. It is not less than that by more than
        `2 * worst / (n + 1)`.

    Args:
        curves: Share of the values outside, `(pictures, scales)`, each as `miscoverage_curve` gives it.
        scales: Ascending, `(scales,)`.
        miscoverage: The share that is allowed, between 0 and 1.
        worst: The most that a picture counts, from `miscoverage` to 1.

    Raises:
        ValueError: If a number is not what it should be, there are too few pictures for any scale, or none of the
            scales is large enough.

    Reference:
        - [Angelopoulos et al., Conformal Risk Control, 2024](https://arxiv.org/abs/2208.02814)
        - [Angelopoulos et al., Image-to-Image Regression with Distribution-Free Uncertainty Quantification, 2022](
          https://arxiv.org/abs/2202.05265)

    Example:
        >>> curves = np.array([[0.4, 0.2, 0.0]] * 9)
        >>> risk_controlling_scale(curves, [1.0, 2.0, 3.0], miscoverage=0.25, worst=0.5)  # (9 * 0.2 + 0.5) / 10 = 0.23
        2.0
    """
    curves, scales = np.asarray(curves, "float64"), np.asarray(scales, "float64")
    if curves.ndim != 2 or curves.shape[1:] != scales.shape or not len(curves):
        raise ValueError(f"Curves are (pictures, {len(scales)}), as many as scales; received {curves.shape}.")
    allowed, most = finite_number(miscoverage, most=1.0), finite_number(worst, most=1.0)
    if not allowed or not most or allowed >= 1 or most < allowed:
        raise ValueError(
            f"`miscoverage` lies between 0 and 1, `worst` from it to 1; received {miscoverage} and {worst}."
        )
    count, least = len(curves), least_pictures(allowed, most)
    if count < least:
        raise ValueError(f"Calibration takes {least} pictures or more; received {count}.")
    bound = (count * np.minimum(curves, most).mean(axis=0) + most) / (count + 1)
    enough = np.flatnonzero(bound <= allowed)
    if not len(enough):
        raise ValueError(
            f"No scale up to {scales[-1]:g} is large enough: {100 * curves[:, -1].mean():.1f} % of the values still "
            "lie outside. Is it the network that the head was trained for?"
        )
    return float(scales[enough[0]])


def least_pictures(miscoverage: float = MISCOVERAGE, worst: float = WORST) -> int:
    """With fewer pictures no scale is large enough.

    Example:
        >>> least_pictures(0.1, 0.5), least_pictures(0.1, 1.0)
        (4, 9)
    """
    return int(np.ceil(worst / miscoverage - 1e-9)) - 1
