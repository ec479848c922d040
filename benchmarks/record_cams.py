"""Records what pytorch-grad-cam makes of fixed activations, for tests/tf_denoise/explain/test_recorded_cams.py.

    .venv/bin/pip install -r benchmarks/requirements-cams.txt
    .venv/bin/python benchmarks/record_cams.py

Writes tests/data/pytorch_grad_cam.npz: activations `(rows, columns, channels)`, its raw projections by
EigenCAM and KPCA-CAM `(rows, columns)`, one of its overlays, and its version.
"""

import importlib.metadata
from pathlib import Path

import numpy as np
from pytorch_grad_cam.utils.image import show_cam_on_image
from pytorch_grad_cam.utils.svd_on_activations import get_2d_projection, get_2d_projection_kernel

OUTPUT = Path(__file__).resolve().parent.parent / "tests" / "data" / "pytorch_grad_cam.npz"


def activations() -> dict[str, np.ndarray]:
    """Maps as networks have them: a few smooth patterns over the places, mixed into channels, and noise.

    `tokens` has fewer places than channels, signs and strong offsets; `convolution` is not square and went through a
    ReLU.
    """
    rng = np.random.default_rng(2024)
    maps = {}
    for name, (rows, columns, channels) in {"tokens": (9, 9, 96), "convolution": (18, 26, 24)}.items():
        y, x = np.meshgrid(np.linspace(-1, 1, rows), np.linspace(-1, 1, columns), indexing="ij")
        patterns = np.stack([np.exp(-4 * ((y - 0.2) ** 2 + (x + 0.3) ** 2)), np.sin(5 * x + 2 * y), y * x], axis=-1)
        mixed = patterns @ (np.array([3.0, 1.5, 1.0])[:, None] * rng.normal(size=(3, channels)))
        mixed += rng.normal(scale=2, size=channels) + rng.normal(scale=0.3, size=mixed.shape)
        maps[name] = mixed.astype("float32")
    maps["convolution"] = np.maximum(maps["convolution"], 0)
    return maps


def main() -> None:
    """Record."""
    recorded = {"version": importlib.metadata.version("grad-cam")}
    for name, values in activations().items():
        batch = np.moveaxis(values.astype("float64"), -1, 0)[None]  # channels first; in double precision
        recorded[name] = values
        recorded[f"{name}_eigen"] = get_2d_projection(batch)[0]
        recorded[f"{name}_kpca"] = get_2d_projection_kernel(batch)[0]
    rng = np.random.default_rng(7)
    recorded["image"] = rng.random((12, 16, 3), dtype="float32")
    recorded["heat"] = rng.random((12, 16), dtype="float32")
    recorded["overlay"] = show_cam_on_image(recorded["image"], recorded["heat"], use_rgb=True)
    OUTPUT.parent.mkdir(exist_ok=True)
    np.savez_compressed(OUTPUT, **recorded)
    print(f"{OUTPUT.name}: {OUTPUT.stat().st_size / 1000:.0f} kB, pytorch-grad-cam {recorded['version']}")


if __name__ == "__main__":
    main()
