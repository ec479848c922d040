"""Does the input pipeline of `python -m training.textures` keep ahead of training, and of many photographs?

    python benchmarks/texture_pipeline.py [--data FOLDER]

First the batches a second of the pipeline alone, crops and noise, in turn with the training steps a second of the
default U-Net on a batch that lies in memory. Then the command itself on a folder of 10,000 photographs: seconds to its
first training step, and its memory then and when it has trained.
"""

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from peers import machine
from PIL import Image


def pipeline_against_step(options) -> None:
    from tf_denoise.commands.startup import start_tensorflow

    start_tensorflow()
    import keras
    import tensorflow as tf

    from tf_denoise.data.parts import Parts
    from tf_denoise.models import UNet
    from tf_denoise.noise.described import make_noise

    data = Parts(data=options.data)
    batches = iter(data.training_pairs(make_noise("gaussian"), seed=0))
    noisy, clean = (tf.identity(tensor) for tensor in next(batches))
    steps = {}
    for policy in ("float32", "mixed_bfloat16"):
        model = UNet(data.channels, dtype=policy)
        model.compile(keras.optimizers.Adam(1e-4, use_ema=True), "mae")
        steps[policy] = lambda model=model: model.train_on_batch(noisy, clean)
    tasks = {"pipeline": lambda: next(batches)[0][0, 0, 0, 0].numpy(), **steps}

    def rate(name: str) -> float:
        for _ in range(8 if name == "pipeline" else 2):  # what was made ahead does not count
            tasks[name]()
        start = time.perf_counter()
        for _ in range(options.steps):
            tasks[name]()
        return options.steps / (time.perf_counter() - start)

    rounds = [{name: rate(name) for name in tasks} for _ in range(options.rounds)]
    print(machine("tensorflow", "keras", "numpy"))
    print(f"{data.description}; batches of 16 crops of 96 x 96; {options.rounds} rounds of {options.steps}\n")
    print("| measure | median (least to most of the rounds) | target |\n| --- | ---: | ---: |")

    def median(value) -> str:
        values = sorted(map(value, rounds))
        return f"{statistics.median(values):.1f} ({values[0]:.1f} to {values[-1]:.1f})"

    for name in tasks:
        print(f"| {name}, batches/s | {median(lambda r, n=name: r[n])} | |")
    for name in steps:
        print(f"| pipeline / step, {name} | {median(lambda r, n=name: r['pipeline'] / r[n])} | 3 |")


def many_photographs(options) -> None:
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        photographs = Path(folder) / "photographs"
        photographs.mkdir()
        base = np.asarray(Image.fromarray(rng.integers(0, 256, (80, 120, 3), "uint8")).resize((960, 640)))
        for index in range(options.photographs):
            top, left = rng.integers(0, 320), rng.integers(0, 480)
            name = photographs / f"{index:05}.jpg"
            Image.fromarray(base[top : top + 320, left : left + 480]).save(name, quality=85)
        run = Path(folder) / "run"
        command = ["-m", "training.textures", "--data", photographs, "--output", run, "--minutes", "1.5"]
        start = time.perf_counter()
        process = subprocess.Popen([sys.executable, *map(str, command)], stdout=subprocess.DEVNULL)
        begun, memory = None, []
        while process.poll() is None and not list(run.glob("networks/*/*/training.json")):
            if begun is None and list(run.glob("networks/*/*/state.npz")):
                begun = time.perf_counter() - start
            status = Path(f"/proc/{process.pid}/status").read_text()
            if begun is not None and (found := re.search(r"VmRSS:\s+(\d+) kB", status)):
                memory.append(int(found[1]) / 1e6)
            time.sleep(0.25)
        process.kill()
        process.wait()
    if begun is None:
        raise SystemExit("The command ended before it trained.")
    third = len(memory) // 3
    print(f"\n{options.photographs:,} photographs of 480 x 320\n")
    print("| measure | value | target |\n| --- | ---: | ---: |")
    print(f"| seconds to the first training step | {begun:.1f} | 30 |")
    print(f"| memory while training, first third, GB | {max(memory[:third]):.2f} | 3 |")
    print(f"| memory while training, last third, GB | {max(memory[-third:]):.2f} | 3 |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="embedded")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--photographs", type=int, default=10_000)
    options = parser.parse_args()
    pipeline_against_step(options)
    many_photographs(options)


if __name__ == "__main__":
    main()
