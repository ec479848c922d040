"""How good is a blind network on photographs, against BM3D and non-local means, and against the time of FFDNet?

    python benchmarks/preset.py photographs-test                    # the preset, at deviations of 15, 25 and 50
    python benchmarks/preset.py photographs-test --model RUN --without bm3d
    python benchmarks/preset.py photographs-test --time             # instead: time per megapixel
    python benchmarks/preset.py photographs-test --untouched        # instead: what it does to pictures without noise
    python benchmarks/preset.py photographs-test --store rows.json  # keeps each row, and goes on where it was stopped
    python benchmarks/preset.py photographs-test --every 4          # every fourth picture, with the noise of its number

Picture k, in the order of names, gets float noise of `numpy.random.default_rng(k)`, not clipped. Outputs are clipped
and rounded to 8 bits. Every method takes each picture in turn. BM3D is told the deviation, non-local means is tuned on
`--tune FOLDER` at each deviation; the network is told nothing.
"""

import argparse
import functools
import json
import math
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from tf_denoise.commands.startup import start_tensorflow

start_tensorflow()

import numpy as np  # noqa: E402
from peers import machine  # noqa: E402

from evaluation.differences import mean_interval  # noqa: E402
from evaluation.metrics import psnr, ssim  # noqa: E402
from tf_denoise.data.photographs import scaled_down  # noqa: E402
from tf_denoise.models.fingerprint import fingerprint  # noqa: E402
from tf_denoise.pictures.files import find_pictures, read_picture, to_unit, with_channels  # noqa: E402
from tf_denoise.runs.loading import load_for_use  # noqa: E402
from tf_denoise.tiling import TiledDenoiser  # noqa: E402
from tf_denoise.tiling.precision import choose_precision  # noqa: E402

FFDNET_LAYERS, FFDNET_WIDTH = 12, 96


def photographs(folder: Path) -> list[np.ndarray]:
    """The pictures of a folder in the order of their names, float32 in [0, 1]."""
    return [to_unit(with_channels(read_picture(path).values, 3)) for path in find_pictures(folder)]


def noisy(clean: np.ndarray, number: int, sigma: float) -> np.ndarray:
    """A picture with the noise of its number; `sigma` in 255ths."""
    return clean + np.random.default_rng(number).normal(0, sigma / 255, clean.shape).astype("float32")


def rounded(output: np.ndarray) -> np.ndarray:
    return np.round(np.clip(output, 0, 1) * 255).astype("float32") / 255


def quality(clean: np.ndarray, output: np.ndarray) -> tuple[float, float]:
    """PSNR in dB and SSIM."""
    pair = clean[None], rounded(output)[None]
    return float(psnr(*pair, max_val=1.0)[0]), float(ssim(*pair, max_val=1.0)[0])


def tuned_means(pictures: list[np.ndarray], sigma: float) -> Callable:
    """Non-local means with the strength that is best on some pictures at a deviation that it is told."""
    from skimage.restoration import denoise_nl_means

    def means(image: np.ndarray, strength: float) -> np.ndarray:
        return denoise_nl_means(
            image, 5, 11, strength * sigma / 255, fast_mode=True, sigma=sigma / 255, channel_axis=-1
        )

    def worth(strength: float) -> float:
        return statistics.mean(
            quality(clean, means(noisy(clean, number, sigma), strength))[0] for number, clean in enumerate(pictures)
        )

    best = max((0.4, 0.5, 0.6, 0.7, 0.8, 0.9), key=worth)
    return lambda image: means(image, best)


def score(options) -> None:
    pictures = photographs(options.photographs)
    if options.grey:
        pictures = [picture.mean(axis=-1, keepdims=True) for picture in pictures]
    to_tune = photographs(options.tune)[:: options.tune_every] if options.tune else []
    loaded = load_for_use(options.model)
    model, dtype = choose_precision(loaded.model, options.mixed_precision, math.inf)
    network = TiledDenoiser(model, ensemble=options.ensemble)
    stored = json.loads(options.store.read_text()) if options.store and options.store.exists() else {}
    print(machine("tensorflow", "keras", "numpy"))
    taken = list(enumerate(pictures))[:: options.every]
    print(f"{len(taken)} photographs, {loaded.name} in {dtype}, {model.count_params():,} weights\n")
    print("| sigma | method | PSNR, dB | SSIM | the network against it, dB | ms per megapixel |")
    print("| ---: | --- | ---: | ---: | ---: | ---: |")
    for sigma in options.sigmas:
        methods: dict[str, Callable] = {} if "network" in options.without else {"network": network}
        if "bm3d" not in options.without:
            from bm3d import bm3d, bm3d_rgb

            told = functools.partial(bm3d if options.grey else bm3d_rgb, sigma_psd=sigma / 255)
            methods["BM3D"] = lambda image, told=told: np.reshape(told(image), image.shape)
        if to_tune:
            methods["non-local means"] = tuned_means(to_tune, sigma)
        found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in methods}
        for number, clean in taken:
            image = noisy(clean, number, sigma)
            for name, denoise in methods.items():
                weights = fingerprint(loaded.model) if name == "network" else "told"
                key = f"{name} {weights} {clean.shape} {options.ensemble} {sigma:g} {number}"
                if key not in stored:
                    started = time.perf_counter()
                    output = denoise(image)
                    milliseconds = 1e9 * (time.perf_counter() - started) / (clean.shape[0] * clean.shape[1])
                    stored[key] = (*quality(clean, output), milliseconds)
                    if options.store:
                        options.store.write_text(json.dumps(stored))
                found[name].append(stored[key])
        for name, rows in found.items():
            decibels, similarity, _ = (statistics.mean(column) for column in zip(*rows, strict=True))
            cost = statistics.median(row[2] for row in rows)
            behind = ""
            if name != "network" and "network" in found and len(rows) > 1:
                differences = [ours[0] - theirs[0] for ours, theirs in zip(found["network"], rows, strict=True)]
                low, high = mean_interval(np.array(differences))
                behind = f"{statistics.mean(differences):+.2f} ({low:+.2f} to {high:+.2f})"
            print(f"| {sigma:g} | {name} | {decibels:.2f} | {similarity:.4f} | {behind} | {cost:,.0f} |", flush=True)


def untouched(options) -> None:
    """What is left of pictures without noise: photographs scaled down by four, flat dark and flat white ones."""
    loaded = load_for_use(options.model)
    network = TiledDenoiser(loaded.model)
    small = [scaled_down(picture, 4) for picture in photographs(options.photographs)]
    values = [quality(picture, network(picture))[0] for picture in small]
    grey = [picture.mean(axis=-1, keepdims=True).repeat(3, axis=-1) for picture in small]
    in_grey = [quality(picture, network(picture))[0] for picture in grey]
    print(f"scaled down by 4: {statistics.mean(values):.2f} dB in the mean, {min(values):.2f} at the least")
    print(f"the same in grey: {statistics.mean(in_grey):.2f} dB in the mean, {min(in_grey):.2f} at the least")
    for value in (0, 2, 20, 128, 235, 253, 255):
        flat = np.full((128, 160, 3), value / 255, "float32")
        print(f"flat {value}: {quality(flat, network(flat))[0]:.2f} dB")


def ffdnet():
    """A PyTorch network of FFDNet's shape for colour: 12 convolutions of 96 channels at half the resolution."""
    import torch
    from torch import nn

    layers: list[nn.Module] = [nn.PixelUnshuffle(2), nn.Conv2d(12 + 3, FFDNET_WIDTH, 3, padding=1), nn.ReLU()]
    for _ in range(FFDNET_LAYERS - 2):
        layers += [nn.Conv2d(FFDNET_WIDTH, FFDNET_WIDTH, 3, padding=1), nn.ReLU()]
    layers += [nn.Conv2d(FFDNET_WIDTH, 12, 3, padding=1), nn.PixelShuffle(2)]
    halved, *rest = layers
    body = nn.Sequential(*rest).eval()

    def denoise(image: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            x = halved(torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)[None])))
            level = torch.full((1, 3, *x.shape[2:]), 0.1)
            return body(torch.cat([x, level], 1))[0].numpy().transpose(1, 2, 0)

    return denoise


def time_it(options) -> None:
    """Both networks on one picture, in turn."""
    import tensorflow as tf

    image = noisy(photographs(options.photographs)[0], 0, 25)
    model, dtype = choose_precision(load_for_use(options.model).model, options.mixed_precision, math.inf)
    call = tf.function(lambda images: model(images, training=False))
    peer = ffdnet()
    methods = {"network": lambda: call(tf.constant(image[None])).numpy(), "FFDNet's shape": lambda: peer(image)}
    times: dict[str, list[float]] = {name: [] for name in methods}
    for turn in range(options.turns + 1):
        for name, method in methods.items():
            started = time.perf_counter()
            method()
            if turn:
                times[name].append(time.perf_counter() - started)
    print(machine("tensorflow", "keras", "torch"))
    ours, theirs = (statistics.median(values) for values in times.values())
    print(f"network in {dtype} {1e3 * ours:.0f} ms, FFDNet's shape {1e3 * theirs:.0f} ms")
    print(f"ratio {ours / theirs:.2f} (target 0.6)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", type=Path, help="a folder of clean photographs")
    parser.add_argument("--model", default="photographs", help="a preset, run folder or .keras file")
    parser.add_argument("--sigmas", type=float, nargs="+", default=[15, 25, 50])
    parser.add_argument("--every", type=int, default=1, help="every how many of the photographs are taken")
    parser.add_argument("--tune", type=Path, help="a folder of photographs to tune non-local means on")
    parser.add_argument("--tune-every", type=int, default=4, help="every how many of these are taken")
    parser.add_argument("--without", nargs="*", default=[], choices=["bm3d", "network"])
    parser.add_argument("--store", type=Path, help="a JSON file that each picture's scores are kept in, and taken from")
    parser.add_argument("--time", action="store_true", help="time the network against one of FFDNet's shape")
    parser.add_argument("--untouched", action="store_true", help="pictures without noise")
    parser.add_argument("--grey", action="store_true", help="the photographs in grey")
    parser.add_argument("--ensemble", type=int, default=1, choices=[1, 8])
    parser.add_argument("--mixed-precision", default="auto", choices=["auto", "none", "bfloat16"])
    parser.add_argument("--turns", type=int, default=9)
    options = parser.parse_args()
    (time_it if options.time else untouched if options.untouched else score)(options)


if __name__ == "__main__":
    main()
