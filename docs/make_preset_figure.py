"""Makes the picture of docs/preset.md and of the README: python docs/make_preset_figure.py."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from evaluation.figures import save_figure
from evaluation.metrics import psnr
from tf_denoise.data import embedded_photographs
from tf_denoise.models import UNet
from tf_denoise.tiling import denoise_image

IMAGES = Path(__file__).with_name("images")
SIGMAS = (15, 25, 50)
TOP, LEFT, HEIGHT, WIDTH = 90, 170, 220, 240
"""What is shown of scikit-image's cup of coffee, which the preset was not trained on."""


def main() -> None:
    """Draw noisy and denoised details side by side."""
    photographs = embedded_photographs()
    clean = photographs.photograph(photographs.names.index("coffee.png"))
    model = UNet.from_preset("photographs")
    figure, axes = plt.subplots(2, len(SIGMAS), figsize=(9.6, 6.4), layout="constrained")
    for column, sigma in enumerate(SIGMAS):
        noise = np.random.default_rng(0).normal(0, sigma / 255, clean.shape)
        noisy = (clean + noise).astype("float32")
        for row, (image, title) in enumerate(((noisy, f"sigma {sigma}"), (denoise_image(model, noisy), "denoised"))):
            shown = np.clip(image, 0, 1)
            decibels = float(psnr(clean[None], shown[None], max_val=1.0)[0])
            detail = shown[TOP : TOP + HEIGHT, LEFT : LEFT + WIDTH]
            axes[row, column].imshow(detail, interpolation="nearest")
            axes[row, column].set_title(f"{title}: {decibels:.1f} dB", fontsize=11)
            axes[row, column].axis("off")
    save_figure(figure, IMAGES / "preset.png")


if __name__ == "__main__":
    main()
