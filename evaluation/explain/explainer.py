"""Draws what a network looks at in a picture, by the method of a configuration."""

import sys
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from evaluation.explain.figures import heat_panels, influence_panels
from evaluation.explain.options import ExplainOptions
from evaluation.explain.pictures import read_pair
from evaluation.explain.trust import Trust, measure_trust, rank_correlation, with_shuffled_weights
from evaluation.figures import save_figure
from evaluation.metrics import psnr
from tf_denoise.errors import InputError, as_sentence
from tf_denoise.explain import (
    KPCACAM,
    EigenCAM,
    GradCAM,
    error_against,
    output_mean,
    output_norm,
    pixel_influence,
    region_mean,
    threshold_heatmap,
)
from tf_denoise.pictures.files import shown

SHUFFLED = 3
"""Networks with shuffled weights that a map is held against."""
TITLES = {"eigen": "EigenCAM", "kpca": "KPCA-CAM", "gradcam": "Grad-CAM", "influence": "influence"}


class Explainer:
    """Draws pictures by the method of a configuration.

    Args:
        config: The configuration.
        model: The loaded model.

    Raises:
        ValueError: If the model has no such layer.
    """

    def __init__(self, config: ExplainOptions, model: keras.Model):
        self.config, self.model = config, model
        self._call = tf.function(lambda images: model(images, training=False), reduce_retracing=True)
        has_clean = config.sigma is not None or config.clean is not None
        seeds = range(config.seed, config.seed + SHUFFLED) if config.trust and has_clean else ()
        self.shuffled = [with_shuffled_weights(model, seed) for seed in seeds]
        if config.method != "influence":
            self.cam, *self.shuffled_cams = (self._cam(network) for network in (model, *self.shuffled))

    def _cam(self, network: keras.Model):
        method, layer = self.config.method, self.config.layer
        return {"eigen": EigenCAM, "kpca": KPCACAM, "gradcam": GradCAM}[method](network, layer, grid=self.config.grid)

    def denoise(self, image: np.ndarray) -> np.ndarray:
        """The output for an image `(height, width, channels)`, clipped to [0, 1].

        Raises:
            ValueError: If it has another shape.
        """
        output = self._call(tf.constant(image[None]))
        if output.shape[1:] != image.shape:
            raise ValueError(
                f"The model gives an output of shape {tuple(output.shape[1:])} for an image of shape {image.shape}, "
                "which no clean picture can judge; leave out --sigma and --clean."
            )
        return np.clip(output[0].numpy(), 0, 1)

    def tried(self, path: Path, target: Path) -> bool:
        """Whether the figure was written; if not, why stands on standard error."""
        try:
            self.draw(path, target)
        except ValueError as error:
            names_it = path.name in str(error)
            print(f"error: {as_sentence(str(error) if names_it else f'{path}: {error}')}", file=sys.stderr)
            return False
        return True

    def draw(self, path: Path, target: Path) -> None:
        """Write the figure of a picture and say what was measured.

        Raises:
            ValueError: If the picture cannot be read, or does not fit the model.
        """
        noisy, clean = read_pair(path, self.config, self.model.input_shape[-1])
        draw = self._influence if self.config.method == "influence" else self._heat
        figure, words = draw(shown(path.name), noisy, clean)
        try:
            save_figure(figure, target)
        except OSError as error:
            raise InputError(f"{target} cannot be written: {error.strerror}.") from None
        print(f"{shown(path)} -> {shown(target)}" + (f": {words}" if words else ""))

    def _heat(self, name: str, noisy: np.ndarray, clean: np.ndarray | None) -> tuple[Figure, str]:
        config = self.config
        if config.method == "gradcam":
            for cam in (self.cam, *self.shuffled_cams):
                cam.target = self._target(clean)
        heat = self.cam(noisy[None])[0]
        words = self._quality(noisy, clean)
        if self.shuffled and clean is not None:
            trust = measure_trust(self.cam, self.shuffled_cams, self.denoise, noisy, clean)
            words += "; " + trust_in_words(trust)
        title = f"{name}: {TITLES[config.method]} of {config.layer}"
        if config.filter is not None:
            heat = threshold_heatmap(heat, *config.filter)
            title += f", values in [{config.filter[0]:g}, {config.filter[1]:g}]"
        return heat_panels(noisy, heat, title, words), words

    def _target(self, clean: np.ndarray | None) -> Callable:
        if self.config.region is not None:
            return region_mean(*self.config.region)
        if self.config.target == "error" and clean is not None:
            return error_against(clean[None])
        return output_norm if self.config.target == "norm" else output_mean

    def _influence(self, name: str, noisy: np.ndarray, clean: np.ndarray | None) -> tuple[Figure, str]:
        size = self.config.size
        pixel = self.config.pixel or tuple((side - size) // 2 for side in noisy.shape[:2])
        influence = pixel_influence(self.model, noisy, pixel, size)
        row, column = pixel
        output = self.model(noisy[None], training=False)[0, row : row + size, column : column + size]
        given_back = np.sum(influence * noisy, dtype="float64")
        words = f"output {float(tf.reduce_mean(output)):.4f}, filter times input {given_back:.4f}"
        if self.shuffled:
            found = [
                influence_correlation(influence, pixel_influence(network, noisy, pixel, size))
                for network in self.shuffled
            ]
            words += f"; rank correlation with shuffled weights {np.mean(found):.2f}"
        title = f"{name}: influence on the output at row {row}, column {column}"
        return influence_panels(noisy, influence, pixel, size, title, words), words

    def _quality(self, noisy: np.ndarray, clean: np.ndarray | None) -> str:
        if clean is None:
            return ""
        values = [float(psnr(clean[None], image[None], max_val=1.0)[0]) for image in (noisy, self.denoise(noisy))]
        return f"PSNR {values[0]:.2f} dB, denoised {values[1]:.2f} dB"


def influence_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Rank correlation of two filters' magnitudes, over the pixels that either of them sees."""
    first, second = (np.abs(influence).sum(axis=-1) for influence in (first, second))
    seen = (first > 0) | (second > 0)
    return rank_correlation(first[seen], second[seen]) if seen.any() else 0.0


def trust_in_words(trust: Trust) -> str:
    """The numbers as the command prints them."""
    return (
        f"deletion {trust.deletion:+.2f} dB and insertion {trust.insertion:+.2f} dB against a random map "
        f"({trust.deletion_uniform:+.2f} and {trust.insertion_uniform:+.2f} against a uniform one); "
        f"rank correlation with shuffled weights {trust.randomised:.2f}"
    )
