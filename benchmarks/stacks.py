"""How much memory and time does `denoise` take for stacks of more and more planes?

    python benchmarks/stacks.py --planes 10 1000 10000

Each container and number of planes is denoised in a process of its own, by a small network, so that what is measured is
reading and writing. The time is that of the command without its start.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import tifffile

CHILD = """
import resource, sys
from tf_denoise.__main__ import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    assert not end.code
print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
KINDS = ("pages", "imagej", "ome", "zarr")


def planes(count, side):
    """Noisy planes, one after the other."""
    random = np.random.default_rng(0)
    for _ in range(count):
        yield random.normal(128, 25, (side, side)).clip(0, 255).astype("uint8")


def make(kind, path, count, side):
    """A stack of that many planes."""
    shape = {"shape": (count, side, side), "dtype": "uint8", "photometric": "minisblack"}
    if kind == "pages":
        with tifffile.TiffWriter(path) as tiff:
            for plane in planes(count, side):
                tiff.write(plane, metadata=None, compression="zlib")
    elif kind == "imagej":
        tifffile.imwrite(path, planes(count, side), imagej=True, metadata={"axes": "TYX"}, **shape)
    elif kind == "ome":
        tifffile.imwrite(path, planes(count, side), ome=True, metadata={"axes": "TYX"}, compression="zlib", **shape)
    else:
        import zarr

        names = ["t", "y", "x"]
        array = zarr.create_array(
            path, shape=(count, side, side), chunks=(10, side, side), dtype="uint8", dimension_names=names
        )
        for start in range(0, count, 10):
            array[start : start + 10] = np.stack(list(planes(10, side)))


def main():
    """Print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--planes", type=int, nargs="+", default=[10, 1000, 10_000])
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument(
        "--strength", type=float, default=1.0, help="0 leaves the network out: reading and writing alone"
    )
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    options = parser.parse_args()
    from tf_denoise.models import UNet

    with tempfile.TemporaryDirectory() as folder:
        network = Path(folder) / "model.keras"
        UNet(1, (4, 8), blocks=1).save(network)
        for kind in options.kinds:
            for count in options.planes:
                path = Path(folder) / f"{kind}-{count}.{'zarr' if kind == 'zarr' else 'tif'}"
                make(kind, path, count, options.side)
                words = ["denoise", path, "--model", network, "--output", Path(folder) / "out"]
                words += ["--strength", options.strength]
                child = [sys.executable, "-c", CHILD, *map(str, words)]
                told = subprocess.run(child, capture_output=True, text=True, check=True).stdout.split()
                rate = float(told[told.index("megapixels") + 2])
                seconds = count * options.side**2 / 1e6 / rate if rate else float("nan")
                print(
                    f"{kind:7} {count:6,} planes: {float(told[-1]):7.1f} MB at the peak, {seconds:6.1f} s", flush=True
                )


if __name__ == "__main__":
    main()
