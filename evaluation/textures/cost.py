"""What a denoiser costs: its time for a megapixel."""

import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from evaluation.textures.run import Predict, TextureRun


def milliseconds_per_megapixel(predict: Predict, image: np.ndarray, calls: int = 5, seconds: float = 10.0) -> float:
    """What a method costs: the median of some calls after one to warm up.

    Args:
        predict: The method.
        image: float32 `(height, width, channels)`.
        calls: Most calls that are timed; at least one is.
        seconds: No further call begins after this long.

    Returns:
        Wall-clock milliseconds per million pixels.
    """
    predict(image)
    times: list[float] = []
    while not times or (len(times) < calls and sum(times) < seconds):
        start = time.perf_counter()
        predict(image)
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e9 / (image.shape[0] * image.shape[1])


def costs_of(
    run: TextureRun,
    rivals: Mapping[float | None, Mapping[str, Predict]],
    progress: Callable[[Sequence], Iterable] = iter,
) -> dict[str, float]:
    """Milliseconds per megapixel of every method on the test photograph of median size, at the middle noise level.

    Args:
        run: The run; of each network its first repeat is timed.
        rivals: The classical methods by noise level and name.
        progress: Wraps the methods to show how far the timing is.
    """
    level = run.levels[len(run.levels) // 2]
    at_level = [picture for picture in run.test if picture.level == level]
    noisy = sorted(at_level, key=lambda picture: picture.megapixels)[len(at_level) // 2].noisy
    methods = {**rivals[level], **{name: run.networks[1, name] for name in run.names}}
    return {name: milliseconds_per_megapixel(method, noisy) for name, method in progress(list(methods.items()))}
