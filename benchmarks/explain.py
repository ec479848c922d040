"""EigenCAM against pytorch-grad-cam on the same activations.

    python benchmarks/explain.py

Both sides get the activations of 8 images in their own layout, float32, and give the raw projections. They take turns;
the projections must agree up to sign to 1e-3 of the largest value (theirs are computed in single precision) or the run
fails. Then what only ours is asked for: maps of 224 x 224 and 1024 x 1024.
"""

import statistics
import time
import tracemalloc
from collections.abc import Callable

import numpy as np
from peers import machine
from pytorch_grad_cam.utils.svd_on_activations import get_2d_projection, get_2d_projection_kernel

from tf_denoise.explain.projections import kernel_projection, principal_projection

IMAGES, TURNS = 8, 4
SHAPES = {"ViT tokens, 14 x 14 x 768": (14, 14, 768), "U-Net map, 56 x 56 x 64": (56, 56, 64)}


def activations(rows: int, columns: int, channels: int, images: int = IMAGES) -> np.ndarray:
    """Some smooth patterns over the places, mixed into the channels, and noise: `(images, rows, columns, channels)`."""
    rng = np.random.default_rng(0)
    y, x = np.meshgrid(np.linspace(-1, 1, rows), np.linspace(-1, 1, columns), indexing="ij")
    maps = []
    for _ in range(images):
        waves = rng.normal(size=(8, 3))
        patterns = np.stack([np.sin(4 * a * x + 4 * b * y + c) for a, b, c in waves], axis=-1)
        mixed = patterns @ (np.linspace(3, 0.5, 8)[:, None] * rng.normal(size=(8, channels)))
        mixed += rng.normal(scale=0.5, size=mixed.shape) + rng.normal(size=channels)
        maps.append(mixed.astype("float32"))
    return np.stack(maps)


def of_batch(project: Callable, maps: np.ndarray) -> np.ndarray:
    """Ours, image by image, as `EigenCAM` and `KPCACAM` do it."""
    return np.stack([project(one.reshape(-1, one.shape[-1])).reshape(one.shape[:2]) for one in maps])


def seconds(work: Callable) -> tuple[float, np.ndarray]:
    """How long it takes, and what comes out."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The largest between two batches of maps up to the sign of each, as a share of the largest value."""
    signs = np.sign(np.einsum("nhw,nhw->n", ours, theirs))[:, None, None]
    return float(np.abs(signs * ours - theirs).max() / np.abs(theirs).max())


def compare(title: str, shape: tuple[int, int, int], project: Callable, peer: Callable, limit: float) -> None:
    """A row of the table: medians of all turns but the first."""
    maps = activations(*shape)
    channels_first = np.ascontiguousarray(np.moveaxis(maps, -1, 1))
    times = []
    for _ in range(TURNS + 1):
        mine, ours = seconds(lambda: of_batch(project, maps))
        their, theirs = seconds(lambda: peer(channels_first))
        times.append((mine, their))
    far = difference(ours, theirs)
    if far > limit:
        raise SystemExit(f"{title}: the projections differ by {far:.1e} of the largest value.")
    ratios = sorted(their / mine for mine, their in times[1:])
    mine, their = (1000 * statistics.median(side) for side in zip(*times[1:], strict=True))
    ratio = f"{statistics.median(ratios):.1f} ({ratios[0]:.1f} to {ratios[-1]:.1f}) x"
    print(f"| {title} | {their:,.0f} ms | {mine:,.1f} ms | {ratio} | {far:.0e} |", flush=True)


def alone(title: str, shape: tuple[int, int, int], project: Callable) -> None:
    """A row of ours alone: time of one map, and memory beyond the activations."""
    (one,) = activations(*shape, images=1)
    flat = one.reshape(-1, shape[-1])
    took, _ = seconds(lambda: project(flat))
    tracemalloc.start()
    project(flat)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    places = shape[0] * shape[1]
    print(
        f"| {title} | {took:,.2f} s | {flat.nbytes / 1e6:,.0f} MB | {peak / 1e6:,.0f} MB | "
        f"{4 * places**2 / 1e9:,.0f} GB |",
        flush=True,
    )


if __name__ == "__main__":
    print(machine("numpy", "scipy", "grad-cam") + "\n")
    print("| 8 images | pytorch-grad-cam | tf_denoise | ratio | difference |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, shape in SHAPES.items():
        compare(f"EigenCAM, {name}", shape, principal_projection, get_2d_projection, 1e-3)
    compare("KPCA-CAM, ViT tokens, 14 x 14 x 768", (14, 14, 768), kernel_projection, get_2d_projection_kernel, 1e-3)
    print(
        "\n| one map, tf_denoise alone | time | activations | memory beside them | a matrix of positions x positions |"
    )
    print("| --- | ---: | ---: | ---: | ---: |")
    for side in (224, 1024):
        for name, project in (("EigenCAM", principal_projection), ("KPCA-CAM", kernel_projection)):
            alone(f"{name}, {side} x {side} x 64", (side, side, 64), project)
