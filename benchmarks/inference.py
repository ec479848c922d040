"""How fast are large pictures denoised tile by tile, against the network on the whole picture and classical denoisers?

    python benchmarks/inference.py --model runs/textures-unet-photographs
    python benchmarks/inference.py --memory     # instead: peak memory from 1 to 100 megapixels

The picture is made of scikit-image's coffee and gravel, which `python -m training.textures` never trains on, or of the
photographs of --pictures, repeated and mirrored to the size asked for, with Gaussian noise. One process measures all.
"""

import argparse
import json
import math
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from peers import machine

STRENGTHS = {"total variation": 0.75, "non-local means": 0.6, "OpenCV non-local means": 0.6}
"""What `tune` finds on the validation photographs, as multiples of the estimated deviation."""
NARROW = (8, 12, 16, 24)
"""Widths of the network that memory is measured with: a hundred megapixels then take a minute."""


def photographs(folder: Path | None) -> list[np.ndarray]:
    """Clean photographs of one height, float32 in [0, 1]."""
    from skimage import data

    from tf_denoise.pictures.files import find_pictures, read_picture, to_unit, with_channels

    if folder is None:
        return [to_unit(data.coffee()), np.repeat(to_unit(data.gravel())[:400, :, None], 3, -1)]
    images = [to_unit(with_channels(read_picture(path).values, 3)) for path in find_pictures(folder)]
    return [image[: min(len(other) for other in images)] for image in images]


def picture(folder: Path | None, height: int, width: int, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """A clean picture, float32 in [0, 1], and the same with noise."""
    row = np.concatenate(photographs(folder), axis=1)
    rows, columns = (math.ceil(size / side) for size, side in zip((height, width), row.shape, strict=False))
    row = np.concatenate([row[:, :: (-1) ** i] for i in range(columns)], axis=1)[:, :width]
    clean = np.concatenate([row[:: (-1) ** i] for i in range(rows)], axis=0)[:height]
    noise = np.random.default_rng(0).standard_normal(clean.shape, "float32")
    return clean, clean + np.float32(sigma) * noise


def psnr(clean: np.ndarray, denoised: np.ndarray) -> float:
    return -10 * math.log10(np.mean(np.square(clean - np.clip(denoised, 0, 1)), dtype="float64"))


def timed(function, image) -> tuple[float, np.ndarray]:
    start = time.perf_counter()
    result = function(image)
    return time.perf_counter() - start, result


def speed(
    model_path: Path, folder: Path | None, sigma: float, megapixels: float, peer_megapixels: float, turns: int
) -> None:
    from tf_denoise.commands.startup import start_tensorflow

    start_tensorflow()
    import tensorflow as tf

    from evaluation.textures.baselines import non_local_means, opencv_non_local_means, total_variation
    from tf_denoise.runs.loading import load_for_use
    from tf_denoise.tiling import TiledDenoiser

    loaded = load_for_use(model_path)
    denoiser = TiledDenoiser(loaded.model)
    whole_graph = tf.function(lambda images: loaded.model(images, training=False), reduce_retracing=True)
    height = round((1e6 * megapixels / 1.5) ** 0.5)
    clean, noisy = picture(folder, height, round(1.5 * height), sigma)
    start = time.perf_counter()
    denoiser.reach, denoiser(noisy[:64, :64]), whole_graph(noisy[None, :64, :64])
    print(
        f"{loaded.name} of {model_path.name}: reach {denoiser.reach}, overlap {denoiser.overlap}, tile {denoiser.tile}"
    )
    print(f"(measured and compiled in {time.perf_counter() - start:.1f} s, once for all pictures)\n")
    times = {"tiles": [], "whole": []}
    for _ in range(turns):
        seconds, tiles = timed(denoiser, noisy)
        times["tiles"].append(seconds)
        seconds, whole = timed(lambda image: whole_graph(image[None])[0].numpy(), noisy)
        times["whole"].append(seconds)
    size = clean.shape[0] * clean.shape[1] / 1e6
    ratios = sorted(whole / tiles for tiles, whole in zip(times["tiles"], times["whole"], strict=True))
    print(
        f"| {noisy.shape[1]} x {noisy.shape[0]}, {turns} turns | megapixels/s, median | PSNR |\n| --- | ---: | ---: |"
    )
    for title, key, result in (("denoise_image", "tiles", tiles), ("the network on the whole picture", "whole", whole)):
        print(f"| {title} | {size / np.median(times[key]):.2f} | {psnr(clean, result):.2f} |")
    print(f"\ntiles / whole, median (least to most): {np.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")
    print(f"largest difference between the two: {np.abs(tiles - whole).max():.1e}\n")

    height = round((1e6 * peer_megapixels / 1.5) ** 0.5)
    clean, noisy = picture(folder, height, round(1.5 * height), sigma)
    import bm3d

    peers = {
        "denoise_image": denoiser,
        "scikit-image, total variation": lambda x: total_variation(x, STRENGTHS["total variation"]),
        "scikit-image, non-local means": lambda x: non_local_means(x, STRENGTHS["non-local means"]),
        "OpenCV, fastNlMeansDenoisingColored": lambda x: opencv_non_local_means(x, STRENGTHS["OpenCV non-local means"]),
        "BM3D (told the deviation)": lambda x: bm3d.bm3d_rgb(x, sigma),
    }
    print(f"| {noisy.shape[1]} x {noisy.shape[0]}, noisy {psnr(clean, noisy):.2f} dB | megapixels/s | PSNR |")
    print("| --- | ---: | ---: |")
    size = clean.shape[0] * clean.shape[1] / 1e6
    for title, function in peers.items():
        seconds, result = min((timed(function, noisy) for _ in range(2 if title[0] != "B" else 1)), key=lambda t: t[0])
        print(f"| {title} | {size / seconds:.3f} | {psnr(clean, result):.2f} |", flush=True)


def measured_memory(megapixels: float, model_path: Path | None) -> None:
    """Print seconds and the peak memory of a process that denoises one 8-bit picture, without the picture itself."""
    from tf_denoise.commands.startup import start_tensorflow

    start_tensorflow()
    from tf_denoise.models import UNet
    from tf_denoise.runs.loading import load_for_use
    from tf_denoise.tiling import TiledDenoiser

    model = load_for_use(model_path).model if model_path else UNet(widths=NARROW, blocks=2)
    height = round((1e6 * megapixels / 1.5) ** 0.5)
    shape = (height, round(1.5 * height), 3)
    image = np.empty(shape, "uint8")
    for row in image:  # no larger array beside it
        row[:] = np.random.default_rng(0).integers(0, 256, row.shape, "uint8")
    denoiser = TiledDenoiser(model, *(() if model_path else (1344, 112)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    start = time.perf_counter()
    result = denoiser(image)
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - (image.nbytes + result.nbytes) / 2**20
    print(json.dumps({"seconds": seconds, "peak": peak, "before": before - image.nbytes / 2**20}))


def memory(model_path: Path | None, sizes: list[float]) -> None:
    print(
        "| megapixels | seconds | megapixels/s | peak without the picture and the result, MB | before the first tile |"
    )
    print("| ---: | ---: | ---: | ---: | ---: |")
    for size in sizes:
        command = [
            sys.executable,
            sys.argv[0],
            "--one",
            str(size),
            *(["--model", str(model_path)] if model_path else []),
        ]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        found = json.loads(output.splitlines()[-1])
        rate = size / found["seconds"]
        print(
            f"| {size:g} | {found['seconds']:.1f} | {rate:.2f} | {found['peak']:.0f} | {found['before']:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a run folder or a .keras file")
    parser.add_argument("--pictures", type=Path, help="a folder of clean photographs")
    parser.add_argument("--sigma", type=float, default=25.0, help="deviation of the noise in 255ths")
    parser.add_argument("--megapixels", type=float, default=6.0, help="size for tiles against whole")
    parser.add_argument("--peer-megapixels", type=float, default=0.5, help="size for the classical denoisers")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--memory", action="store_true", help="measure memory, of --model or of a narrow network")
    parser.add_argument("--sizes", type=float, nargs="+", default=[1, 3, 10, 30, 100], help="megapixels of --memory")
    parser.add_argument("--one", type=float, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        measured_memory(arguments.one, arguments.model)
    elif arguments.memory:
        memory(arguments.model, arguments.sizes)
    else:
        if arguments.model is None:
            parser.error("--model names the network to measure")
        sizes = arguments.megapixels, arguments.peer_megapixels
        speed(arguments.model, arguments.pictures, arguments.sigma / 255, *sizes, arguments.turns)
    if not arguments.one:
        print(f"\n{machine('tensorflow', 'keras', 'numpy', 'scikit-image', 'opencv-python-headless')}")
