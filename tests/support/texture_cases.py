"""Pictures, stand-ins for networks and a small finished run, for the tests of the evaluation on photographs."""

import numpy as np
from scipy import ndimage
from skimage import data

from evaluation.textures.run import TextureRun
from tf_denoise.data.noisy_pair import NoisyPair

SIGMA = 40


def with_noise(clean, sigma, seed=0):
    noise = np.random.default_rng(seed).normal(0, sigma / 255, clean.shape)
    return (clean + noise).astype("float32")


def pictures(count, side=48, channels=3, seed=0):
    """Squares cut from scikit-image's astronaut, with noise."""
    image = data.astronaut().astype("float32") / 255
    made = []
    for index in range(count):
        top, left = 40 + 37 * index, 150 + 11 * (index % 5)
        clean = np.ascontiguousarray(image[top : top + side, left : left + side, :channels])
        made.append(NoisyPair(f"astronaut {seed + index}", clean, with_noise(clean, SIGMA, seed + index)))
    return made


def at_levels(photographs, levels):
    """Every photograph at every level of noise."""
    return [
        NoisyPair(p.name, p.clean, with_noise(p.clean, level, seed), level)
        for seed, p in enumerate(photographs)
        for level in levels
    ]


def blur(sigma):
    """A network's stand-in."""
    return lambda image: ndimage.gaussian_filter(image, (sigma, sigma, 0))


def record(steps=100, stopped=None):
    return {
        "epochs": 4,
        "steps": steps,
        "seconds": 60.0,
        "history": {"loss": [0.4, 0.3, 0.2, 0.1], "val_psnr": [20.0, 21.0, 23.0, 22.0]},
        "stopped": stopped,
    }


def small_run(repeats=1, sharper="frequency", **changed):
    """A run with the networks `mse` and another."""
    names = {"mse": 1.5, sharper: 1.0}
    places = [(repeat, name) for repeat in range(1, repeats + 1) for name in names]
    validation, test = pictures(2, seed=100), pictures(4)
    parts = {
        "config": {"command": "textures", "network": "unet", "seed": 3, "loss_weight": 0.2},
        "environment": {"python": "3.11", "tensorflow": "2.21", "keras": "3.15", "devices": ["CPU"], "cores": 2},
        "data": {
            "description": "Squares cut from the astronaut.",
            "noise": "Gaussian of deviation 40",
            "train": ["a.png", "b.png", "c.png"],
            "validation": [picture.name for picture in validation],
            "test": [picture.name for picture in test],
            "skipped": [["broken.jpg", "truncated"]],
        },
        "records": {place: record() for place in places},
        "networks": {(repeat, name): blur(names[name] + 0.01 * repeat) for repeat, name in places},
        "parameters": dict.fromkeys(names, 1234),
        "validation": validation,
        "test": test,
        "make_noisy": with_noise,
        "sigmas": (10, 40, 70),
        "trained_range": (20, 50),
    }
    return TextureRun(**parts | changed)
