"""Is the estimated PSNR right, and is one warned where it cannot be?

    python benchmarks/uncertainty.py photographs-test
    python benchmarks/uncertainty.py photographs-test --model RUN --count 10
    python benchmarks/uncertainty.py photographs-test --side 384 --kinds found   # with the noise found, alone
    python benchmarks/uncertainty.py photographs-test --side 192 --warnings   # of whom one is warned, alone

The centre of each photograph gets noise; the network denoises it, and its PSNR is estimated from the noisy picture,
with the noise told and with the noise found. The truth is known here. Then noise that neighbours share, noise that was
stored in 8 bits, and JPEG files: of whom one is warned.
"""

import argparse
import io
import statistics
from pathlib import Path

from tf_denoise.commands.startup import start_tensorflow

start_tensorflow()

import numpy as np  # noqa: E402
import PIL.Image  # noqa: E402
import scipy.ndimage  # noqa: E402
from peers import machine  # noqa: E402

from tf_denoise.pictures.files import find_pictures, read_picture, to_unit, with_channels  # noqa: E402
from tf_denoise.runs.loading import load_for_use  # noqa: E402
from tf_denoise.tiling import TiledDenoiser  # noqa: E402
from tf_denoise.uncertainty import estimate_psnr  # noqa: E402
from tf_denoise.uncertainty.assessment import assess  # noqa: E402

SIGMAS = (5, 15, 25, 35, 50)
NOT_WHITE = "is not white"
KINDS = ["told", "found"]


def centres(folder: Path, count: int | None, side: int) -> list[np.ndarray]:
    """The middle of each picture, float32 in [0, 1]."""
    found = []
    for path in find_pictures(folder)[:count]:
        image = to_unit(with_channels(read_picture(path).values, 3))
        top, left = (max(0, size - side) // 2 for size in image.shape[:2])
        found.append(image[top : top + side, left : left + side])
    return found


def true_psnr(clean: np.ndarray, output: np.ndarray) -> float:
    return float(-10 * np.log10(np.mean((clean - output) ** 2)))


def stored(image: np.ndarray) -> np.ndarray:
    return np.round(255 * np.clip(image, 0, 1)).astype("uint8")


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    PIL.Image.fromarray(stored(image)).save(file, "jpeg", quality=quality)
    return np.asarray(PIL.Image.open(file))


def shared(random: np.random.Generator, shape, width: float) -> np.ndarray:
    noise = scipy.ndimage.gaussian_filter(random.standard_normal(shape), (width, width, 0))
    return noise / noise.std()


def row(name: str, off: list[float], inside: list[bool], told: int) -> str:
    if len(off) < 2:
        return f"| {name} | {len(off)} of {told} | | | |"
    return (
        f"| {name} | {len(off)} of {told} | {statistics.mean(off):+.2f} | {statistics.stdev(off):.2f} | "
        f"{100 * statistics.mean(inside):.0f} |"
    )


def estimates(pictures: list[np.ndarray], denoise: TiledDenoiser, kinds: list[str]) -> None:
    """Estimated against true PSNR, by level."""
    print("| sigma | estimated | mean difference, dB | standard deviation, dB | in the 95 % interval, % |")
    print("| --- | ---: | ---: | ---: | ---: |")
    pooled: dict[str, tuple[list[float], list[bool]]] = {kind: ([], []) for kind in kinds}
    for sigma in SIGMAS:
        for kind, (all_off, all_inside) in pooled.items():
            off, inside = [], []
            for number, clean in enumerate(pictures):
                noisy = clean + np.random.default_rng(number).normal(0, sigma / 255, clean.shape).astype("float32")
                denoised = denoise(noisy)
                if kind == "told":
                    found = estimate_psnr(denoise, noisy, sigma / 255, denoised=denoised)
                else:
                    found = assess(noisy, denoised, denoise).after
                if found is not None:
                    off.append(found.psnr - true_psnr(clean, denoised))
                    inside.append(found.interval[0] <= true_psnr(clean, denoised) <= found.interval[1])
            print(row(f"{sigma}, {kind}", off, inside, len(pictures)), flush=True)
            all_off.extend(off)
            all_inside.extend(inside)
    for kind, (all_off, all_inside) in pooled.items():
        print(row(f"all, {kind}", all_off, all_inside, len(pictures) * len(SIGMAS)))


def warnings(pictures: list[np.ndarray], denoise: TiledDenoiser) -> None:
    """How often one is warned that noise is not white, where it is and where it is not."""
    cases = {
        "white, 10": lambda clean, random: clean + random.normal(0, 10 / 255, clean.shape),
        "white, 25": lambda clean, random: clean + random.normal(0, 25 / 255, clean.shape),
        "white, 25, stored in 8 bits": lambda clean, random: stored(clean + random.normal(0, 25 / 255, clean.shape)),
        "of photons": lambda clean, random: clean + np.sqrt(0.01 * clean + 4e-4) * random.standard_normal(clean.shape),
        "shared a little, 15": lambda clean, random: clean + 15 / 255 * shared(random, clean.shape, 0.4),
        "shared, 15": lambda clean, random: clean + 15 / 255 * shared(random, clean.shape, 0.6),
        "JPEG of quality 95, 15": lambda clean, random: jpeg(clean + random.normal(0, 15 / 255, clean.shape), 95),
        "JPEG of quality 80, 15": lambda clean, random: jpeg(clean + random.normal(0, 15 / 255, clean.shape), 80),
    }
    print("\n| noise | warned that it is not white, % | PSNR estimated, % | mean difference, dB |")
    print("| --- | ---: | ---: | ---: |")
    for name, make in cases.items():
        warned, off = 0, []
        for number, clean in enumerate(pictures):
            noisy = make(clean, np.random.default_rng(number))
            noisy = noisy if noisy.dtype == np.uint8 else noisy.astype("float32")
            denoised = denoise(noisy)
            found = assess(noisy, denoised, denoise)
            warned += any(NOT_WHITE in warning for warning in found.warnings)
            if found.after is not None:
                values = denoised / np.float32(255) if denoised.dtype == np.uint8 else denoised
                off.append(found.after.psnr - true_psnr(clean, values))
        mean = f"{statistics.mean(off):+.2f}" if off else ""
        count = len(pictures)
        print(f"| {name} | {100 * warned / count:.0f} | {100 * len(off) / count:.0f} | {mean} |", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", type=Path, help="a folder of clean photographs that nothing was trained on")
    parser.add_argument("--model", default="photographs", help="a preset, a run folder or a .keras file")
    parser.add_argument("--count", type=int, help="photographs to take; defaults to all")
    parser.add_argument("--side", type=int, default=320, help="pixels of the middle that are looked at")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, help="only estimates, with the noise told or found")
    parser.add_argument("--warnings", action="store_true", help="only whom one is warned of")
    options = parser.parse_args()
    pictures = centres(options.photographs, options.count, options.side)
    loaded = load_for_use(options.model)
    print(machine("tensorflow", "keras", "numpy"))
    print(f"{len(pictures)} photographs, {options.side} x {options.side} pixels of each; {loaded.name}\n")
    denoise = TiledDenoiser(loaded.model)
    if not options.warnings:
        estimates(pictures, denoise, options.kinds or KINDS)
    if options.warnings or not options.kinds:
        warnings(pictures, denoise)


if __name__ == "__main__":
    main()
