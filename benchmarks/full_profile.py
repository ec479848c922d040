"""How long does a repeat of the full profile take, and how much memory at its peak?

    python benchmarks/full_profile.py --dataset MNIST.npz

Runs `python -m training.iterative --profile full --tsne-points 0` from an empty folder to the report, in a process of
its own, and asks the operating system for that process's time and peak memory. Takes as long as the answer says.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from peers import machine


def main() -> None:
    parser = argparse.ArgumentParser(description="Time and peak memory of the full profile.")
    parser.add_argument("--dataset", default="mnist", help="as python -m training.iterative takes it")
    parser.add_argument("--epochs", type=int, default=32)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        command = [sys.executable, "-m", "training.iterative", "--profile", "full", "--tsne-points", "0"]
        command += ["--dataset", options.dataset, "--epochs", str(options.epochs), "--output", str(run)]
        start = time.monotonic()
        subprocess.run(command, check=True)
        minutes = (time.monotonic() - start) / 60
        training = sum(json.loads(path.read_text())["seconds"] for path in run.rglob("training.json")) / 60
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    print(f"\n{machine('tensorflow', 'keras', 'numpy')}")
    print("\n| measure | value | target |\n| --- | --- | --- |")
    print(f"| one repeat, {options.epochs} epochs, in all | {minutes:.1f} min | 60 |")
    print(f"| of it training | {training:.1f} min | |")
    print(f"| peak memory | {memory:.2f} GiB | 3 GB |")


if __name__ == "__main__":
    main()
