"""What each sharpness loss does to one small denoiser, measured on photographs that scikit-image brings along.

    python benchmarks/losses_quality.py

Every loss gets the same network, noise, steps and three seeds. The left three quarters of each photograph train, the
right quarter tests. Prints the table of docs/losses.md and writes docs/images/losses_trained.png.
"""

import argparse
import re
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from skimage import data

from evaluation import sharpness
from tf_denoise.losses import (
    FrequencySharpnessLoss,
    RegionalSharpnessLoss,
    WaveletSharpnessLoss,
    WeightedSumLoss,
    WindowedFrequencyLoss,
)

NOISE = 0.1
CROP, TILE, BATCH = 64, 96, 8
PICTURE = Path(__file__).parents[1] / "docs" / "images" / "losses_trained.png"

AUXILIARY = {
    "regional": RegionalSharpnessLoss(),
    "frequency, plain": FrequencySharpnessLoss(high_freq_weight=0.0),
    "frequency, weighted": FrequencySharpnessLoss(),
    "windowed frequency": WindowedFrequencyLoss(),
    "windowed frequency x 10": WindowedFrequencyLoss(scale=1e-2),
    "wavelet haar": WaveletSharpnessLoss("haar"),
    "wavelet db2": WaveletSharpnessLoss("db2"),
}
LOSSES = {"mse": WeightedSumLoss([(1.0, "mse")])} | {
    f"0.8 mse + 0.2 {name}": WeightedSumLoss([(0.8, "mse"), (0.2, loss)]) for name, loss in AUXILIARY.items()
}
MEASURES = {
    "MSE x 1000": lambda a, b: 1e3 * tf.reduce_mean((a - b) ** 2, axis=[1, 2, 3]),
    "SSIM": lambda a, b: tf.image.ssim(a, b, max_val=1.0),
    "GMSD": sharpness.gradient_magnitude_similarity_deviation,
    "high-frequency energy": sharpness.high_frequency_energy_ratio,
    "spectrum error, dB": sharpness.radial_spectrum_error,
    "checkerboard": sharpness.checkerboard,
    "discoloration x 1000": lambda a, b: 1e3 * sharpness.discoloration(a, b),
}


def photographs() -> list[np.ndarray]:
    """Textures and colour photographs as float32 RGB in [0, 1]."""
    pictures = [data.brick(), data.grass(), data.gravel(), data.astronaut(), data.coffee(), data.chelsea()]
    return [np.float32(np.dstack([p] * 3) if p.ndim == 2 else p) / 255 for p in pictures]


def split() -> tuple[list[np.ndarray], np.ndarray]:
    """The left parts of the photographs, and tiles of the right ones."""
    left, tiles = [], []
    for picture in photographs():
        border = 3 * picture.shape[1] // 4
        left.append(picture[:, :border])
        for top in range(0, picture.shape[0] - TILE + 1, TILE):
            tiles.append(picture[top : top + TILE, border : border + TILE])
    return left, np.stack(tiles)


def noised(clean: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """`clean` with Gaussian noise."""
    return clean + NOISE * rng.standard_normal(clean.shape, np.float32)


def batches(pictures: list[np.ndarray], steps: int, seed: int):
    """Pairs of noisy and clean crops."""
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        clean = []
        for picture in rng.integers(len(pictures), size=BATCH):
            top, left = (rng.integers(side - CROP + 1) for side in pictures[picture].shape[:2])
            clean.append(pictures[picture][top : top + CROP, left : left + CROP])
        clean = np.stack(clean)
        yield noised(clean, rng), clean


def network(seed: int) -> keras.Model:
    """Six convolutions that estimate the noise, which is taken off the input."""
    keras.utils.set_random_seed(seed)
    inputs = x = keras.Input((None, None, 3))
    for _ in range(5):
        x = keras.layers.Conv2D(32, 3, padding="same", activation="relu", kernel_initializer="he_normal")(x)
    noise = keras.layers.Conv2D(3, 3, padding="same", kernel_initializer="zeros")(x)
    return keras.Model(inputs, keras.layers.Subtract()([inputs, noise]))


def trained(loss, pictures: list[np.ndarray], steps: int, seed: int) -> keras.Model:
    """The network after `steps` steps of Adam."""
    model = network(seed)
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-3, steps)), loss)
    signature = [tf.TensorSpec((BATCH, CROP, CROP, 3))] * 2
    dataset = tf.data.Dataset.from_generator(
        lambda: batches(pictures, steps, seed), output_signature=tuple(signature)
    ).prefetch(8)
    model.fit(dataset, verbose=0)
    return model


def draw(clean: np.ndarray, noisy: np.ndarray, outputs: dict[str, np.ndarray], path: Path) -> None:
    """A row per test tile: clean, noisy, and what each loss makes of it."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    columns = {"clean": clean, "noisy": noisy} | {
        re.sub("0.8 |(?<=frequency,) |(?<=windowed) |0.2 ", lambda gap: "" if gap[0] == "0.8 " else "\n", name): output
        for name, output in outputs.items()
    }
    figure, axes = plt.subplots(len(clean), len(columns), figsize=(1.7 * len(columns), 1.75 * len(clean) + 0.5))
    for axis in axes.flat:
        axis.set_axis_off()
    for column, (name, tiles) in zip(axes.T, columns.items(), strict=True):
        column[0].set_title(name, fontsize=10)
        for axis, tile in zip(column, tiles, strict=True):
            axis.imshow(tile.clip(0, 1), interpolation="nearest")
    figure.tight_layout(pad=0.4)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def main(steps: int, seeds: int) -> None:
    """Train with every loss and seed, and print means and standard deviations over the seeds."""
    pictures, clean = split()
    noisy = noised(clean, np.random.default_rng(2026))
    print(f"{steps} steps of {BATCH} crops of {CROP} x {CROP}; {seeds} seeds; {len(clean)} tiles of {TILE} x {TILE}\n")
    print("| loss | " + " | ".join(MEASURES) + " |")
    print("| --- |" + " ---: |" * len(MEASURES))
    kept = {}

    def show(name, scores):
        cells = [f"{np.mean(v):.3f} ± {np.std(v):.3f}" for v in np.transpose(scores)]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)

    show("none (noisy input)", [[float(np.mean(measure(clean, noisy))) for measure in MEASURES.values()]])
    for name, loss in LOSSES.items():
        scores = []
        for seed in range(seeds):
            output = trained(loss, pictures, steps, seed).predict(noisy, batch_size=8, verbose=0)
            kept.setdefault(name, output)
            scores.append([float(np.mean(measure(clean, output))) for measure in MEASURES.values()])
        show(name, scores)
    # Brick, grass, gravel, and the wooden table.
    shown = [2, 6, 12, 23]
    draw(clean[shown], noisy[shown], {name: output[shown] for name, output in kept.items()}, PICTURE)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--seeds", type=int, default=3)
    main(**vars(parser.parse_args()))
