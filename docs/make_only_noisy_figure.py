"""Makes the picture of docs/only_noisy.md: python docs/make_only_noisy_figure.py. It trains twice."""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import PIL.Image
import scipy.ndimage
import scipy.signal
import tifffile

from evaluation.figures import save_figure
from evaluation.metrics import psnr
from tf_denoise.data import embedded_photographs
from tf_denoise.models import UNet
from tf_denoise.runs.loading import load_for_use
from tf_denoise.tiling import denoise_image
from training.textures.__main__ import main as train

IMAGES = Path(__file__).with_name("images")
SIGMA = 30
STEPS = "200"
TOP, LEFT, HEIGHT, WIDTH = 90, 170, 220, 240
"""What is shown of scikit-image's cup of coffee."""


def along_rows(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Noise that neighbours in a row share: AR(1) with a correlation of 0.7."""
    return _unit(scipy.signal.lfilter([1], [1, -0.7], random.standard_normal(shape), axis=1))


def in_both_directions(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Noise that neighbours share in both directions: white noise, blurred."""
    return _unit(scipy.ndimage.gaussian_filter(random.standard_normal(shape), (0.8, 0.8, 0)))


def _unit(noise: np.ndarray) -> np.ndarray:
    return SIGMA / 255 * noise / noise.std()


def main() -> None:
    """Give all embedded photographs noise, train the preset on with them alone, and show one of them beside it."""
    photographs = embedded_photographs()
    names = photographs.names
    cup = names.index("coffee.png")
    clean = photographs.photograph(cup)
    kinds = (
        ("noise along rows", along_rows, ("noisy",), "trained on,\non noisy pictures alone"),
        ("noise of neighbours", in_both_directions, ("noisy", "twin"), "trained on,\non two shots of each scene"),
    )
    figure, axes = plt.subplots(len(kinds), 4, figsize=(12.0, 6.2), layout="constrained")
    for row, (noise_name, make, shots, learned) in zip(axes, kinds, strict=True):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder)
            for shot_number, shot in enumerate(shots):
                (path / shot).mkdir()
                for number, name in enumerate(names):
                    image = photographs.photograph(number)
                    noisy = image + make(np.random.default_rng([number, shot_number]), image.shape)
                    tifffile.imwrite(path / shot / f"{Path(name).stem}.tif", noisy.astype("float32"), photometric="rgb")
            words = ["--noisy", str(path / "noisy"), "--start", "photographs", "--output", str(path / "run")]
            words += ["--noisy-twin", str(path / "twin")] if "twin" in shots else []
            train([*words, "--steps", STEPS, "--crop-size", "64", "--batch-size", "8"])
            noisy = tifffile.imread(path / "noisy" / "coffee.tif")
            of_preset = denoise_image(UNet.from_preset("photographs"), noisy)
            of_run = denoise_image(load_for_use(path / "run").model, noisy)
        shown = ((noise_name, noisy), ("the preset", of_preset), (learned, of_run), ("clean", clean))
        for axis, (title, image) in zip(row, shown, strict=True):
            cut, truth = (
                np.clip(whole[TOP : TOP + HEIGHT, LEFT : LEFT + WIDTH], 0, 1).astype("float32")
                for whole in (image, clean)
            )
            decibels = "" if image is clean else f": {float(psnr(truth[None], cut[None], max_val=1.0)[0]):.1f} dB"
            axis.imshow(cut, interpolation="nearest")
            axis.set_title(title + decibels, fontsize=11)
            axis.axis("off")
    target = IMAGES / "only_noisy.png"
    save_figure(figure, target)
    PIL.Image.open(target).convert("RGB").quantize(256).save(target)


if __name__ == "__main__":
    main()
