"""Do 90 % of the clean values lie in their intervals, and what do the intervals cost?

    python benchmarks/intervals.py photographs-test
    python benchmarks/intervals.py photographs-test --model RUN --head FILE --count 10

The centre of each photograph gets white noise of five levels; the network denoises it, and the head beside it gives a
range for each value. The truth is known here. Then the time of the head against that of the network, in turns, on one
picture: what the intervals add to denoising.
"""

import argparse
import statistics
import time
from pathlib import Path

from tf_denoise.commands.startup import start_tensorflow

start_tensorflow()

import numpy as np  # noqa: E402
from peers import machine  # noqa: E402

from evaluation.coverage import coverage_table, measure_coverage  # noqa: E402
from tf_denoise.data.noisy_pair import NoisyPair  # noqa: E402
from tf_denoise.models import multiply_adds_per_pixel  # noqa: E402
from tf_denoise.pictures.files import find_pictures, read_picture, to_unit, with_channels  # noqa: E402
from tf_denoise.runs.loading import load_for_use  # noqa: E402
from tf_denoise.tiling import TiledDenoiser  # noqa: E402
from tf_denoise.uncertainty import Intervals, find_intervals  # noqa: E402

LEVELS = (5.0, 15.0, 25.0, 35.0, 50.0)


def noisy_pairs(folder: Path, count: int | None, side: int, channels: int):
    """The middle of each picture at every level."""
    for number, path in enumerate(find_pictures(folder)[:count]):
        image = to_unit(with_channels(read_picture(path).values, channels))
        top, left = (max(0, size - side) // 2 for size in image.shape[:2])
        clean = image[top : top + side, left : left + side]
        for level in LEVELS:
            noise = np.random.default_rng([number, int(level)]).normal(0, level / 255, clean.shape)
            yield NoisyPair(str(path), clean, clean + noise.astype("float32"), level)


def cost(denoise: TiledDenoiser, intervals: Intervals, side: int, rounds: int) -> None:
    """Seconds of both for one picture, in turns."""
    random = np.random.default_rng(0)
    noisy = random.normal(0.5, 0.2, (side, side, denoise.channels)).astype("float32")
    denoised = denoise(noisy)
    intervals.half_width(noisy, denoised)
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for taken, work in zip(
            times, (lambda: denoise(noisy), lambda: intervals.half_width(noisy, denoised)), strict=True
        ):
            started = time.perf_counter()
            work()
            taken.append(time.perf_counter() - started)
    shares = [100 * head / network for network, head in zip(*times, strict=True)]
    print("\n| | median seconds | of denoising, % (median, least, most) |")
    print("| --- | ---: | ---: |")
    print(f"| denoising {side} x {side} | {statistics.median(times[0]):.3f} | 100 |")
    print(
        f"| its intervals | {statistics.median(times[1]):.3f} | {statistics.median(shares):.1f}, {min(shares):.1f}, "
        f"{max(shares):.1f} |"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", type=Path, help="a folder of clean photographs that nothing was trained on")
    parser.add_argument("--model", default="photographs", help="a preset, a run folder or a .keras file")
    parser.add_argument("--head", type=Path, help="the file of its intervals; defaults to the one beside the network")
    parser.add_argument("--count", type=int, help="photographs to take; defaults to all")
    parser.add_argument("--side", type=int, default=320, help="pixels of the middle that are looked at")
    parser.add_argument("--cost-side", type=int, default=512, help="side of the picture that is timed")
    parser.add_argument("--rounds", type=int, default=7, help="how often it is timed")
    options = parser.parse_args()
    loaded = load_for_use(options.model)
    network = loaded.model
    intervals = find_intervals(loaded) if options.head is None else Intervals.load(options.head, network)
    if intervals is None:
        parser.error(f"{options.model} has no intervals: python -m training.intervals makes them")
    denoise = TiledDenoiser(network)
    print(machine("tensorflow", "keras", "numpy"))
    pairs = noisy_pairs(options.photographs, options.count, options.side, denoise.channels)
    print(f"{loaded.name}, {options.side} x {options.side} pixels of each photograph\n")
    print(coverage_table(measure_coverage(intervals, denoise, pairs)))
    cost(denoise, intervals, options.cost_side, options.rounds)
    share = 100 * multiply_adds_per_pixel(intervals.head) / multiply_adds_per_pixel(network)
    print(f"\nMultiply-adds: {share:.1f} % of the network's.")


if __name__ == "__main__":
    main()
