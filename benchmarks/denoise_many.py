"""What does Beam cost, and what do two workers bring? `denoise-many` against `denoise` on the same pictures.

    python benchmarks/denoise_many.py                      # 500 pictures of one megapixel, the preset
    python benchmarks/denoise_many.py --count 20 --side 512 --model RUN

Each command is a process of its own, from its start to its end, so that starting the workers counts; they take turns.
The bytes of all must be equal, or the script ends with an error. Targets: at most 1.15 times the time of `denoise` with
one worker; with two no more.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import PIL.Image
from peers import machine


def make_pictures(folder: Path, count: int, side: int) -> None:
    """Smooth pictures with noise, JPEG."""
    random = np.random.default_rng(0)
    for number in range(count):
        coarse = PIL.Image.fromarray(random.integers(0, 256, (8, 8, 3), "uint8")).resize((side, side), 3)
        noisy = np.clip(np.asarray(coarse) + random.normal(0, 25, (side, side, 3)), 0, 255).astype("uint8")
        PIL.Image.fromarray(noisy).save(folder / f"{number:05}.jpg", quality=95)


def seconds_of(*words: str) -> float:
    """The time that a command takes."""
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "tf_denoise", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--side", type=int, default=1000)
    parser.add_argument("--model", default="photographs")
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    print(machine("tensorflow", "apache-beam", "numpy"))
    megapixels = options.count * options.side**2 / 1e6
    print(f"{options.count} pictures of {options.side} x {options.side} pixels, {options.model}\n")
    with tempfile.TemporaryDirectory() as folder:
        pictures = Path(folder) / "in"
        pictures.mkdir()
        make_pictures(pictures, options.count, options.side)
        for turn in range(options.rounds):
            ways = {"denoise": ["denoise", str(pictures), "--mixed-precision", "none"]}
            for workers in (1, 2):
                mode = ["--direct_running_mode", "multi_processing", "--direct_num_workers", str(workers)]
                ways[f"denoise-many, {workers} workers"] = ["denoise-many", "--input", f"{pictures}/*.jpg", *mode]
            results, first = {}, None
            for name, words in ways.items():
                output = Path(folder) / f"{name} {turn}"
                seconds = seconds_of(*words, "--output", str(output), "--model", options.model)
                results[name] = {path.name: path.read_bytes() for path in output.glob("*.jpg")}
                first = first or seconds
                print(
                    f"{name}: {seconds:.1f} s, {megapixels / seconds:.3f} megapixels per second, {seconds / first:.2f}"
                )
            if any(found != results["denoise"] for found in results.values()):
                raise SystemExit("The bytes differ.")


if __name__ == "__main__":
    main()
