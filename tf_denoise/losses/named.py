"""The losses that a denoiser of photographs can be trained with, by the name that commands, runs and reports use."""

import dataclasses
import re
from collections.abc import Callable
from typing import Literal

import tf_denoise.losses as losses

_WEIGHTED = re.compile(r"([a-z_]+)-(\d+(?:\.\d+)?(?:e-?\d+)?)")
LossName = Literal["mse", "mae", "regional", "frequency", "weighted_frequency", "windowed", "wavelet"]


@dataclasses.dataclass(frozen=True)
class NamedLoss:
    """What a loss is called, and how it is made.

    Attributes:
        title: As tables and figures have it.
        words: What it compares.
        make: The sharpness loss itself, for windows of a side in pixels; `None` for a loss of pixels alone.
    """

    title: str
    words: str
    make: Callable | None = None


LOSSES: dict[LossName, NamedLoss] = {
    "mse": NamedLoss("MSE loss", "mean squared error"),
    "mae": NamedLoss("MAE loss", "mean absolute error"),
    "regional": NamedLoss("Regional loss", "sharpness of windows", lambda window: losses.RegionalSharpnessLoss(window)),
    "frequency": NamedLoss(
        "Frequency loss",
        "magnitudes of frequencies",
        lambda window: losses.FrequencySharpnessLoss(high_freq_weight=0.0),
    ),
    "weighted_frequency": NamedLoss(
        "Weighted frequency loss",
        "magnitudes of frequencies, high ones weighted",
        lambda window: losses.FrequencySharpnessLoss(),
    ),
    "windowed": NamedLoss(
        "Windowed loss", "magnitudes of frequencies in windows", lambda window: losses.WindowedFrequencyLoss(window)
    ),
    "wavelet": NamedLoss(
        "Wavelet loss", "wavelet details", lambda window: losses.WaveletSharpnessLoss("db2", levels=2)
    ),
}


def weighted_name(loss: str, weight: float) -> str:
    """What a network is called whose loss has several weights in one run.

    Example:
        >>> weighted_name("wavelet", 0.05)
        'wavelet-0.05'
    """
    return f"{loss}-{weight:g}"


def loss_of(name: str) -> tuple[str, float | None]:
    """The loss that a network is called by, and its weight where the name tells it.

    Example:
        >>> loss_of("wavelet-0.05"), loss_of("mse"), loss_of("noise2noise")
        (('wavelet', 0.05), ('mse', None), ('noise2noise', None))
    """
    found = _WEIGHTED.fullmatch(name)
    return (found[1], float(found[2])) if found and found[1] in LOSSES else (name, None)


def is_of_pixels(loss: str) -> bool:
    """Whether a loss compares single pixels, such as the mean squared error, and no sharpness.

    Example:
        >>> is_of_pixels("mae"), is_of_pixels("wavelet")
        (True, False)
    """
    return loss in LOSSES and LOSSES[loss].make is None
