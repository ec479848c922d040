"""What does learning without clean pictures cost? Each method against clean targets, on the same fixed noise.

    python benchmarks/self_supervised.py cracks                        # noise of each pixel alone, deviation 50
    python benchmarks/self_supervised.py cracks --along rows           # noise that neighbours in a row share
    python benchmarks/self_supervised.py cracks --steps 800 --crop-size 96 --batch-size 16 --store rows.json

Every photograph has one fixed noise, never drawn anew (two fixed ones for the twins). All methods train the same
network from the same start, by the mean squared error, on crops of the same places, for the same number of steps; the
weights at the end count. They are judged on the photographs to test on, each with its own noise, outputs clipped. What
Noise2Void hides is given back in a second row, by what the photographs to validate on tell. With `--along` neighbours
share the noise, AR(1) with a correlation of 0.7, between independent rows or columns.
"""

import argparse
import dataclasses
import functools
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tf_denoise.commands.startup import start_tensorflow

start_tensorflow()

import keras  # noqa: E402
import numpy as np  # noqa: E402
import scipy.signal  # noqa: E402
import tensorflow as tf  # noqa: E402
import tifffile  # noqa: E402
from peers import machine  # noqa: E402

from evaluation.differences import mean_interval  # noqa: E402
from evaluation.metrics import psnr  # noqa: E402
from tf_denoise.data import CropSampler, Photographs, load_folder, load_pairs, split  # noqa: E402
from tf_denoise.fitting.optimizer import averaging_adam  # noqa: E402
from tf_denoise.models import UNet  # noqa: E402
from tf_denoise.noise.found import find_noise  # noqa: E402
from tf_denoise.pictures.files import to_unit  # noqa: E402
from tf_denoise.self_supervised import (  # noqa: E402
    give_back_own_pixel,
    masked_crops,
    recorrupted_crops,
    twin_crops,
)
from tf_denoise.self_supervised.noise2void import LINES_SHARE, SHARE  # noqa: E402
from tf_denoise.tiling import TiledDenoiser  # noqa: E402
from training.textures.judging import centre  # noqa: E402

CORRELATION = 0.7
GIVEN_BACK = ", own pixel given back"


@dataclasses.dataclass(frozen=True)
class Scene:
    """The photographs with their noise, as folders of float32 TIFF; of those to validate on the noisy ones."""

    clean: Path
    noisy: Path
    twin: Path
    validation: list[np.ndarray]
    test: list[tuple[np.ndarray, np.ndarray]]


def fixed_noise(shape, number: int, sigma: float, along: str | None) -> np.ndarray:
    """The noise of a photograph, float32; `sigma` in 255ths."""
    drawn = np.random.default_rng(number).normal(0, sigma / 255, shape)
    if along is not None:
        axis = {"rows": 1, "columns": 0}[along]
        start = np.take(drawn, [0], axis) / np.sqrt(1 - CORRELATION**2)  # so that the deviation is one from the start
        drawn = np.concatenate([start, np.delete(drawn, 0, axis)], axis)
        drawn = scipy.signal.lfilter([np.sqrt(1 - CORRELATION**2)], [1, -CORRELATION], drawn, axis)
    return drawn.astype("float32")


def make_scene(options, folder: Path) -> Scene:
    """Write the folders."""
    photographs = load_folder(options.photographs)
    parts = split(photographs, seed=0, validation=0.08, test=0.2)
    scene = Scene(*(folder / name for name in ("clean", "noisy", "twin")), [], [])
    for place in (scene.clean, scene.noisy, scene.twin):
        place.mkdir()
    for number, name in enumerate(sorted(photographs.names)):
        clean = to_unit(photographs.photograph(photographs.names.index(name)))
        one, other = (
            clean + fixed_noise(clean.shape, 2 * number + twin, options.sigma, options.along) for twin in (0, 1)
        )
        if name in parts.test.names:
            scene.test.append((clean, one))
        elif name in parts.validation.names:
            scene.validation.append(centre(one))
        elif name in parts.train.names:
            file = Path(name).stem + ".tif"
            for place, image in ((scene.clean, clean), (scene.noisy, one), (scene.twin, other)):
                tifffile.imwrite(place / file, image, photometric="rgb")
    return scene


def clean_batches(sampler: CropSampler) -> tf.data.Dataset:
    """The fixed noise, with clean targets."""
    from tf_denoise.data import noisy_crops

    return noisy_crops(sampler, None)


def lessons(options, scene: Scene) -> dict[str, Callable[[], tf.data.Dataset]]:
    """A dataset of each method."""

    def sampler(photographs: Photographs, copies: int = 1) -> CropSampler:
        turns = 4 if options.along else 8
        return CropSampler(photographs, options.crop_size, options.batch_size, seed=0, copies=copies, turns=turns)

    alone = load_folder(scene.noisy)
    found = find_noise(to_unit(alone.photograph(index)) for index in range(0, len(alone), 4))
    print(f"{found.in_words}\n", flush=True)
    masks = functools.partial(masked_crops, sampler(alone), share=options.share)
    methods = {
        "clean targets": lambda: clean_batches(sampler(load_pairs(scene.clean, scene.noisy))),
        "Noise2Noise": lambda: twin_crops(sampler(load_pairs(scene.noisy, scene.twin))),
        "Noise2Void, neighbour": lambda: masks(replacement="neighbour"),
        "Noise2Void, median": lambda: masks(replacement="median"),
    }
    if options.along:
        methods["Noise2Void, lines"] = lambda: masks(along=options.along)
    else:
        methods["Recorrupted"] = lambda: recorrupted_crops(sampler(alone, copies=2), found.sigma, found.gain)
    return methods


def train(batches: tf.data.Dataset, options) -> tuple[keras.Model, float]:
    """A network at the end of its training, and the seconds that it took."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    model = UNet()
    model.compile(averaging_adam(options.learning_rate, options.steps), "mse", jit_compile=False)
    started = time.perf_counter()
    model.fit(batches, steps_per_epoch=options.steps, epochs=1, verbose=0)
    seconds = time.perf_counter() - started
    model.optimizer.finalize_variable_values(model.trainable_variables)
    return model, seconds


def scores_of(model: keras.Model, scene: Scene) -> list[float]:
    """PSNR in dB of each photograph to test on."""
    denoise = TiledDenoiser(model)
    return [
        float(psnr(clean[None], np.clip(denoise(noisy), 0, 1)[None], max_val=1.0)[0]) for clean, noisy in scene.test
    ]


def learned(name: str, batches: tf.data.Dataset, scene: Scene, options) -> dict[str, dict]:
    """Scores and seconds of a method, of Noise2Void also with each pixel's own value given back."""
    model, seconds = train(batches, options)
    rows = {name: {"psnr": scores_of(model, scene), "seconds": seconds}}
    if name.startswith("Noise2Void") and not options.along:
        share = give_back_own_pixel(model, scene.validation)
        rows[name + GIVEN_BACK] = {"psnr": scores_of(model, scene), "seconds": seconds, "share": share}
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", type=Path, help="a folder of clean photographs")
    parser.add_argument("--sigma", type=float, default=50.0, help="in 255ths")
    parser.add_argument("--along", choices=["rows", "columns"], help="neighbours there share the noise")
    parser.add_argument("--methods", nargs="+", help="those whose name begins so")
    parser.add_argument("--share", type=float, help="of the pixels that Noise2Void hides at a time")
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--crop-size", type=int, default=96)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=3e-3)
    parser.add_argument("--store", type=Path, help="a JSON file that each method's scores are kept in, and taken from")
    options = parser.parse_args()
    print(machine("tensorflow", "keras", "numpy"))
    stored = json.loads(options.store.read_text()) if options.store and options.store.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        scene = make_scene(options, Path(folder))
        print(f"{len(list(scene.noisy.iterdir()))} photographs to train on, {len(scene.test)} to test on")
        print(f"{options.steps} steps of {options.batch_size} crops of {options.crop_size}. ", end="")
        clean_scores, behind = None, ""
        for name, batches in lessons(options, scene).items():
            if options.methods and not name.startswith(tuple(options.methods)):
                continue
            key = f"{name} {options.along} {options.sigma:g} {options.steps} {options.batch_size} {options.crop_size}"
            key += f" {options.learning_rate:g}" + (" flips" if options.along else "")
            if name.startswith("Noise2Void"):
                key += f" {options.share or (LINES_SHARE if options.along else SHARE):g}"
            if key not in stored:
                stored[key] = learned(name, batches(), scene, options)
                if options.store:
                    options.store.write_text(json.dumps(stored))
            for row, found in stored[key].items():
                if name == "clean targets":
                    clean_scores = found["psnr"]
                elif clean_scores is not None:
                    differences = np.subtract(found["psnr"], clean_scores)
                    low, high = mean_interval(differences)
                    behind = f", {differences.mean():+.2f} dB ({low:+.2f} to {high:+.2f}) to clean targets"
                share = f", {found['share']:.3f} given back" if "share" in found else ""
                print(f"{row}: {np.mean(found['psnr']):.2f} dB, {found['seconds']:.0f} s{share}{behind}", flush=True)


if __name__ == "__main__":
    main()
