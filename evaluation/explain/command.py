"""What `python -m evaluation.explain` does: the model, its layers, and a figure for every picture."""

import dataclasses
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from evaluation.digits.figures import save_figure
from evaluation.explain.figures import heat_panels, influence_panels
from evaluation.explain.options import ExplainOptions
from evaluation.explain.trust import Trust, measure_trust, rank_correlation, with_shuffled_weights
from evaluation.metrics import psnr
from tf_denoise.commands.exits import DONE, status_of
from tf_denoise.errors import InputError
from tf_denoise.explain import (
    KPCACAM,
    EigenCAM,
    GradCAM,
    error_against,
    layers_worth_looking_at,
    output_mean,
    output_norm,
    pixel_influence,
    region_mean,
    threshold_heatmap,
)
from tf_denoise.noise import additive_gaussian
from tf_denoise.pictures.files import find_pictures, read_picture, shown, to_unit, with_channels
from tf_denoise.pictures.partners import clean_partner
from tf_denoise.runs.folder import CONFIG_FILE, MODEL_FILE, RECORD_FILE, network_folder, read_json
from tf_denoise.runs.loading import load_file
from tf_denoise.seeds import derive_seed

SHUFFLED = 3
"""Networks with shuffled weights that a map is held against."""
TITLES = {"eigen": "EigenCAM", "kpca": "KPCA-CAM", "gradcam": "Grad-CAM", "influence": "influence"}


@dataclasses.dataclass(frozen=True)
class Subject:
    """A picture to look at: float32 `(height, width, channels)`, the clean one where it is known."""

    name: str
    noisy: np.ndarray
    clean: np.ndarray | None


def explain(config: ExplainOptions) -> int:
    """List the layers, or write a figure for every picture.

    Returns:
        The exit status, as `tf_denoise.commands.exits` has them. A picture that gets no figure is told of on standard
        error; the others are done.

    Raises:
        InputError: If the model or its layer is not what it should be, or no picture is found.
    """
    path = model_file(config.model, config.network, config.repeat)
    model = load_file(path)
    if config.layer is None and config.method != "influence":
        layers = _asked(lambda: layers_worth_looking_at(model))
        print(f"Layers of {path} worth looking at, and the size of their maps:")
        for found in layers:
            own = "" if found.name == found.layer else f" (the layer {found.layer})"
            print(f"  --layer {found.name:<14} {' x '.join(map(str, found.shape))}{own}")
        height, width = layers[0].image_size
        print(f"for an image of {height} x {width} pixels. Any other layer can be looked at by its own name.")
        return DONE
    pictures = list(_pictures(config))
    explainer = _asked(lambda: Explainer(config, model))
    drawn = [explainer.tried(picture, target) for picture, target in _named(pictures, config)]
    return status_of(sum(drawn), len(drawn) - sum(drawn))


def model_file(path: Path, network: str | None, repeat: int) -> Path:
    """The `.keras` file that a path means: a file, or that of a network of a run folder.

    Raises:
        InputError: If the path is neither, or the network is not told or not there.
    """
    if not path.is_dir():
        if path.suffix == ".keras" and path.exists():
            return path
        raise InputError(f"{path} is no model: expected the folder of a run, or a file that ends in .keras.")
    if (path / MODEL_FILE).exists():
        return path / MODEL_FILE
    stored = read_json(path / CONFIG_FILE)
    if not isinstance(stored, dict) or stored.get("command") != "textures":
        raise InputError(
            f"{path} is not the folder of a run on photographs; the dense networks of other runs keep no map of the "
            "image."
        )
    names = [member["name"] for member in read_json(path / "networks.json")]
    chosen = names[0] if network is None and len(names) == 1 else network
    if chosen not in names:
        received = "none" if network is None else repr(network)
        raise InputError(f"--network names a network of {path}, one of {', '.join(names)}; received {received}.")
    folder = network_folder(path, repeat, chosen)
    if not (folder / RECORD_FILE).exists():
        raise InputError(f"{path} has no finished network {chosen!r} of repeat {repeat}.")
    return folder / MODEL_FILE


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
            sentence = str(error).splitlines()[0]
            print(
                f"error: {sentence}" if shown(path.name) in sentence else f"error: {shown(path)}: {sentence}",
                file=sys.stderr,
            )
            return False
        return True

    def draw(self, path: Path, target: Path) -> None:
        """Write the figure of a picture and say what was measured.

        Raises:
            ValueError: If the picture cannot be read, or does not fit the model.
        """
        subject = read_subject(path, self.config, self.model.input_shape[-1])
        draw = self._influence if self.config.method == "influence" else self._heat
        figure, words = draw(subject)
        try:
            save_figure(figure, target)
        except OSError as error:
            raise InputError(f"{target} cannot be written: {error.strerror}.") from None
        print(f"{shown(path)} -> {shown(target)}" + (f": {words}" if words else ""))

    def _heat(self, subject: Subject):
        config = self.config
        if config.method == "gradcam":
            for cam in (self.cam, *self.shuffled_cams):
                cam.target = self._target(subject)
        heat = self.cam(subject.noisy[None])[0]
        words = self._quality(subject)
        if self.shuffled and subject.clean is not None:
            trust = measure_trust(self.cam, self.shuffled_cams, self.denoise, subject.noisy, subject.clean)
            words += "; " + trust_in_words(trust)
        title = f"{subject.name}: {TITLES[config.method]} of {config.layer}"
        if config.filter is not None:
            heat = threshold_heatmap(heat, *config.filter)
            title += f", values in [{config.filter[0]:g}, {config.filter[1]:g}]"
        return heat_panels(subject.noisy, heat, title, words), words

    def _target(self, subject: Subject) -> Callable:
        if self.config.region is not None:
            return region_mean(*self.config.region)
        if self.config.target == "error":
            return error_against(subject.clean[None])
        return {"mean": output_mean, "norm": output_norm}[self.config.target]

    def _influence(self, subject: Subject):
        size = self.config.size
        pixel = self.config.pixel or tuple((side - size) // 2 for side in subject.noisy.shape[:2])
        influence = pixel_influence(self.model, subject.noisy, pixel, size)
        row, column = pixel
        output = self.model(subject.noisy[None], training=False)[0, row : row + size, column : column + size]
        given_back = np.sum(influence * subject.noisy, dtype="float64")
        words = f"output {float(tf.reduce_mean(output)):.4f}, filter times input {given_back:.4f}"
        if self.shuffled:
            found = [
                influence_correlation(influence, pixel_influence(network, subject.noisy, pixel, size))
                for network in self.shuffled
            ]
            words += f"; rank correlation with shuffled weights {np.mean(found):.2f}"
        title = f"{subject.name}: influence on the output at row {row}, column {column}"
        return influence_panels(subject.noisy, influence, pixel, size, title, words), words

    def _quality(self, subject: Subject) -> str:
        if subject.clean is None:
            return ""
        values = [
            float(psnr(subject.clean[None], image[None], max_val=1.0)[0])
            for image in (subject.noisy, self.denoise(subject.noisy))
        ]
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


def read_subject(path: Path, config: ExplainOptions, channels: int | None) -> Subject:
    """A picture with its noise, and its clean partner where it is known.

    Raises:
        ValueError: If a file cannot be read, or the two differ in size.
    """
    given = _read(path, channels, config.crop)
    if config.sigma is not None:
        seed = tf.constant([derive_seed(config.seed, path.name), 0], tf.int64)
        return Subject(shown(path.name), additive_gaussian(given[None], config.sigma / 255, seed)[0].numpy(), given)
    if config.clean is None:
        return Subject(shown(path.name), given, None)
    clean_path = clean_partner(path.name, config.clean) if config.clean.is_dir() else config.clean
    clean = _read(clean_path, channels, config.crop)
    if clean.shape != given.shape:
        raise InputError(
            f"{clean_path} and {path} must be of one size; they have {clean.shape[1]} x {clean.shape[0]} and "
            f"{given.shape[1]} x {given.shape[0]} pixels."
        )
    return Subject(shown(path.name), given, clean)


def _read(path: Path, channels: int | None, crop: int | None) -> np.ndarray:
    values = to_unit(with_channels(read_picture(path).values, channels or 3))
    if crop is None:
        return values
    if min(values.shape[:2]) < crop:
        raise InputError(f"{path} has {values.shape[1]} x {values.shape[0]} pixels; --crop {crop} needs as many.")
    top, left = ((side - crop) // 2 for side in values.shape[:2])
    return np.ascontiguousarray(values[top : top + crop, left : left + crop])


def _pictures(config: ExplainOptions) -> Iterator[Path]:
    for path in config.images:
        found = find_pictures(path) if path.is_dir() else [path]
        if not found:
            raise InputError(f"{path} is a folder without pictures: expected PNG, JPEG, BMP or TIFF files.")
        yield from found


def _named(pictures: list[Path], config: ExplainOptions) -> Iterator[tuple[Path, Path]]:
    """Each picture with the file of its figure; pictures of one name get a number."""
    what = config.method if config.layer is None else f"{config.layer.replace('/', '-')}-{config.method}"
    taken: dict[str, int] = {}
    for path in pictures:
        taken[path.stem] = taken.get(path.stem, 0) + 1
        number = f"-{taken[path.stem]}" if taken[path.stem] > 1 else ""
        yield path, config.output / f"{path.stem}{number}-{what}.png"


def _asked(question: Callable):
    """The answer; a model or layer that cannot be looked at becomes an `InputError`."""
    try:
        return question()
    except ValueError as error:
        raise InputError(str(error)) from None
