"""The pictures of docs/losses.md: what each sharpness loss sees of a photograph, and what it weighs it with.

python docs/make_losses_figures.py
"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import numpy as np
import tensorflow as tf
from matplotlib import pyplot as plt
from scipy import ndimage
from skimage import data

from tf_denoise.losses import (
    frequency_sharpness,
    high_frequency_mask,
    regional_sharpness,
    sharpness_scores,
    wavelet_details,
    wavelet_sharpness,
    windowed_frequency,
)
from tf_denoise.losses.windowed_frequency import extract_windows

IMAGES = Path(__file__).parent / "images"
SIZE, WINDOW = 224, 32


def photograph() -> tuple[np.ndarray, np.ndarray]:
    """Gravel, and the same with its right half blurred, `(224, 224)` in [0, 1]."""
    sharp = data.gravel()[:SIZE, :SIZE] / np.float32(255)
    half_blurred = sharp.copy()
    half_blurred[:, SIZE // 2 :] = ndimage.gaussian_filter(sharp, 2)[:, SIZE // 2 :]
    return sharp, half_blurred


def spectrum(image: np.ndarray) -> np.ndarray:
    """Weighted magnitudes, the zero frequency in the middle."""
    return np.fft.fftshift(np.abs(np.fft.fft2(image))) * high_frequency_mask(SIZE, SIZE).numpy()


def window_spectra(image: np.ndarray) -> np.ndarray:
    """The weighted magnitudes of every tapered window, side by side."""
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    windows = extract_windows(tf.constant(image[None, ..., None]), WINDOW, WINDOW)[0, :, :, 0].numpy()
    magnitudes = np.abs(np.fft.fft2(windows * np.outer(taper, taper)))
    weighted = np.fft.fftshift(magnitudes, axes=(2, 3)) * high_frequency_mask(WINDOW, WINDOW).numpy()
    rows, columns = weighted.shape[:2]
    return weighted.transpose(0, 2, 1, 3).reshape(rows * WINDOW, columns * WINDOW)


def wavelet_mosaic(image: np.ndarray) -> np.ndarray:
    """Detail magnitudes in the usual arrangement: the finest level outside, each level a quarter of the one before."""
    mosaic = np.zeros_like(image)
    for band in wavelet_details(image[None, ..., None], "haar", 3):
        rows, columns = band.shape[1:3]
        down, across, both = np.abs(band[0, :, :, 0].numpy()).transpose(2, 0, 1)
        mosaic[rows : 2 * rows, :columns], mosaic[:rows, columns : 2 * columns] = down, across
        mosaic[rows : 2 * rows, columns : 2 * columns] = both
    return mosaic


def draw_what_losses_see() -> None:
    """Target, output and what is compared, a column per loss."""
    sharp, half_blurred = photograph()
    batch = [image[None, ..., None] for image in (sharp, half_blurred)]
    views = {
        "image": (lambda x: x, "gray", 1.0, None),
        "RegionalSharpnessLoss": (
            lambda x: sharpness_scores(x[None, ..., None], WINDOW)[0].numpy(), "magma", 1.0, regional_sharpness,
        ),
        "FrequencySharpnessLoss": (spectrum, "magma", 0.35, frequency_sharpness),
        "WindowedFrequencyLoss": (window_spectra, "magma", 0.4, windowed_frequency),
        "WaveletSharpnessLoss": (wavelet_mosaic, "magma", 0.6, wavelet_sharpness),
    }  # fmt: skip
    figure, axes = plt.subplots(3, len(views), figsize=(15.5, 9.8), layout="constrained")
    for column, (name, (view, colours, gamma, loss)) in zip(axes.T, views.items(), strict=True):
        target, output = view(sharp), view(half_blurred)
        limit = 1.0 if loss is None else np.quantile(target, 0.998)
        for axis, picture in zip(column, (target, output, np.abs(target - output)), strict=True):
            axis.imshow((picture / limit).clip(0, 1) ** gamma, cmap=colours, vmin=0, vmax=1, interpolation="nearest")
            axis.set(xticks=[], yticks=[])
        column[0].set_title(name, fontsize=13)
        column[2].set_xlabel("" if loss is None else f"loss = {float(loss(*batch)[0]):.4f}", fontsize=13)
    for axis, label in zip(axes[:, 0], ("target", "output: right half blurred", "difference"), strict=True):
        axis.set_ylabel(label, fontsize=13)
    figure.savefig(IMAGES / "losses_see.png", dpi=80)


def draw_weights() -> None:
    """The mask of the frequencies, the taper of a window, and the overlap of tapers at the default step."""
    taper = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13, 3.9), layout="constrained")
    shown = left.imshow(high_frequency_mask(SIZE, SIZE), cmap="viridis", extent=(-0.5, 0.5, 0.5, -0.5))
    left.set(
        title="high_frequency_mask(224, 224, 2.0)", xlabel="cycles per pixel across", ylabel="cycles per pixel down"
    )
    figure.colorbar(shown, ax=left)
    shown = middle.imshow(np.outer(taper, taper), cmap="viridis", vmin=0, vmax=1)
    middle.set(title="taper of a window of 32", xlabel="column", ylabel="row")
    figure.colorbar(shown, ax=middle)
    total = np.zeros(5 * WINDOW // 2)
    for start in range(0, len(total) - WINDOW + 1, WINDOW // 2):
        right.plot(np.arange(start, start + WINDOW), taper, color="tab:blue", lw=1.2)
        total[start : start + WINDOW] += taper
    right.plot(total, color="tab:orange", lw=2, label="sum")
    right.set(title="tapers at a step of 16 add up to 1", xlabel="column", ylim=(0, 1.25))
    right.legend(loc="upper right")
    figure.savefig(IMAGES / "losses_weights.png", dpi=80)


if __name__ == "__main__":
    IMAGES.mkdir(exist_ok=True)
    draw_what_losses_see()
    draw_weights()
