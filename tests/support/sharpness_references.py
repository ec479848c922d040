"""The measures of sharpness once more, in NumPy and straight from their definitions."""

import numpy as np
from scipy import signal


def numpy_gmsd(true, pred):
    def magnitude(image):
        luma = image @ [0.299, 0.587, 0.114] if image.shape[2] == 3 else image.mean(2)
        luma = luma[: luma.shape[0] // 2 * 2, : luma.shape[1] // 2 * 2]
        small = (luma[::2, ::2] + luma[1::2, ::2] + luma[::2, 1::2] + luma[1::2, 1::2]) / 4
        filters = np.array([[1, 0, -1]] * 3) / 3
        return np.hypot(*(signal.convolve2d(small, f, mode="same") for f in (filters, filters.T)))

    a, b = magnitude(true), magnitude(pred)
    constant = 170 / 255**2
    return np.std((2 * a * b + constant) / (a * a + b * b + constant))


def numpy_spectrum(image):
    """Pairs of radius and power, frequency by frequency, by the sum that defines the transform."""
    height, width, channels = image.shape
    pairs = []
    for u in range(height):
        for v in range(width):
            wave = np.exp(-2j * np.pi * (u * np.arange(height)[:, None] / height + v * np.arange(width) / width))
            values = [np.sum((image[..., c] - image[..., c].mean()) * wave) for c in range(channels)]
            radius = np.hypot(min(u, height - u) / height, min(v, width - v) / width)
            pairs.append((radius, np.mean(np.abs(values) ** 2) / (height * width)))
    return np.array(pairs).T


def numpy_ratio(true, pred, cutoff):
    true, pred = (power[radius >= cutoff].mean() for radius, power in map(numpy_spectrum, (true, pred)))
    return (pred + 1e-10) / (true + 1e-10)


def numpy_radial_error(true, pred):
    shorter = min(true.shape[:2])
    rings = []
    for radius, power in map(numpy_spectrum, (true, pred)):
        nearest = np.floor(radius * shorter + 0.5)
        rings.append(np.array([power[nearest == k].mean() for k in range(1, shorter // 2 + 1)]))
    return np.abs(10 * np.log10((rings[1] + 1e-10) / (rings[0] + 1e-10))).mean()


def numpy_checkerboard(true, pred, period):
    height, width = (side // period * period for side in true.shape[:2])
    residual = (pred - true)[:height, :width]
    on, off = [], []
    for u in range(height):
        for v in range(width):
            wave = np.exp(-2j * np.pi * (u * np.arange(height)[:, None] / height + v * np.arange(width) / width))
            power = np.mean([abs(np.sum(residual[..., c] * wave)) ** 2 for c in range(residual.shape[2])])
            is_on_grid = u * period % height == 0 and v * period % width == 0
            if (u, v) != (0, 0):
                (on if is_on_grid else off).append(power / (height * width))
    return (np.mean(on) + 1e-10) / (np.mean(off) + 1e-10)
