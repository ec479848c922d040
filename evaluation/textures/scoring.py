"""Scores denoisers on photographs: one row per method, photograph, noise level and measure."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from evaluation import metrics, sharpness
from evaluation.table import INPUT
from evaluation.textures.run import Predict
from evaluation.textures.table import Average, PictureScore, PictureTable
from tf_denoise.data.noisy_pair import NoisyPair

__all__ = ["Average", "PictureScore", "PictureTable", "denoise", "measure_picture", "score_methods"]

CHECKERBOARD_PERIOD = 32
"""A grid of half, a quarter, ... of the period lies on the same frequencies: transposed convolutions are seen too."""


def measure_picture(clean: np.ndarray, output: np.ndarray) -> dict[str, float]:
    """All measures of one output.

    Args:
        clean: float32 `(height, width, channels)` in [0, 1], at least 4 x 4.
        output: The same shape; clipped to [0, 1] first.

    Returns:
        A value for each of `evaluation.measures.PHOTOGRAPHS`. SSIM takes its 11 x 11 window, or the largest odd one
        that fits a smaller picture; the checkerboard a period of 32, or the largest power of two that fits twice.

    Example:
        >>> grey = np.full((16, 16, 1), 0.5, "float32")
        >>> found = measure_picture(grey, grey + 0.1)
        >>> round(found["psnr"], 2), round(found["discoloration"], 3)
        (20.0, 0.1)
    """
    pair = np.asarray(clean, "float32")[None], np.clip(np.asarray(output, "float32"), 0, 1)[None]
    shorter = min(clean.shape[:2])
    period = min(CHECKERBOARD_PERIOD, 1 << (shorter // 2).bit_length() - 1)
    values = {
        "mse": metrics.mean_squared_error(*pair),
        "psnr": metrics.psnr(*pair, max_val=1.0),
        "ssim": metrics.ssim(*pair, max_val=1.0, filter_size=min(11, (shorter - 1) // 2 * 2 + 1)),
        "gmsd": sharpness.gradient_magnitude_similarity_deviation(*pair),
        "high_frequency_ratio": sharpness.high_frequency_energy_ratio(*pair),
        "radial_spectrum_error": sharpness.radial_spectrum_error(*pair),
        "checkerboard": sharpness.checkerboard(*pair, period=period),
        "discoloration": sharpness.discoloration(*pair),
    }
    return {measure: float(value[0]) for measure, value in values.items()}


def score_methods(
    pictures: Sequence[NoisyPair],
    networks: Mapping[tuple[int, str], Predict],
    rivals: Mapping[float | None, Mapping[str, Predict]] | None = None,
    *,
    observe: Callable[[int, str, NoisyPair, np.ndarray], None] = lambda *place: None,
    progress: Callable[[Sequence[NoisyPair]], Iterable[NoisyPair]] = iter,
) -> list[PictureScore]:
    """Measure every method on every picture.

    Args:
        pictures: What to denoise.
        networks: By (repeat, name): float32 `(height, width, channels)` to the same shape. The noisy input itself is
            scored besides, as `INPUT`.
        rivals: The classical methods by noise level and name: a picture is given to those of its own level.
        observe: Called with (repeat, name, picture, output in [0, 1]).
        progress: Wraps the pictures to show how far the scoring is.

    Returns:
        The rows of the table.

    Raises:
        ValueError: If an output has not the shape of its input.
    """
    rows = []
    for picture in progress(pictures):
        methods: dict[tuple[int, str], Predict] = {(0, INPUT): np.asarray}
        methods |= {(0, name): method for name, method in (rivals or {}).get(picture.level, {}).items()}
        noisy = picture.noisy
        for (repeat, name), predict in {**methods, **networks}.items():
            output = denoise(predict, noisy, name)
            observe(repeat, name, picture, output)
            place = (repeat, name, picture.name, picture.level)
            rows += [PictureScore(*place, *found) for found in measure_picture(picture.clean, output).items()]
    return rows


def denoise(predict: Predict, noisy: np.ndarray, name: str) -> np.ndarray:
    """One output, clipped to [0, 1].

    Raises:
        ValueError: If it has not the shape of its input.
    """
    output = np.asarray(predict(noisy))
    if output.shape != noisy.shape:
        raise ValueError(f"{name} takes and gives images of one shape; received {noisy.shape}, gave {output.shape}.")
    return np.clip(output.astype("float32"), 0, 1)
