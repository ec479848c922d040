"""Scores denoisers on photographs: one tidy table, its averages, the cost of each method, and PSNR over noise."""

import csv
import dataclasses
import io
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import numpy as np

from evaluation import metrics, sharpness
from evaluation.bootstrap import Bootstrap, interval
from evaluation.digits.scoring import INPUT
from evaluation.textures.baselines import BASELINES, spread_out, tune
from evaluation.textures.run import Predict
from tf_denoise.data.noisy_pair import NoisyPair

MEASURES = {
    "mse": ("MSE", "lower"),
    "psnr": ("PSNR (dB)", "higher"),
    "ssim": ("SSIM", "higher"),
    "gmsd": ("GMSD", "lower"),
    "high_frequency_ratio": ("High-frequency energy ratio", "closer to 1"),
    "radial_spectrum_error": ("Radial spectrum error (dB)", "lower"),
    "checkerboard": ("Checkerboard", "lower"),
    "discoloration": ("Discoloration", "lower"),
}
"""Title, and which values are better. The checkerboard is 1 where there is none."""

CHECKERBOARD_PERIOD = 32
"""A grid of half, a quarter, ... of the period lies on the same frequencies: transposed convolutions are seen too."""
SWEEP_PICTURES = 12
"""Pictures of the sweep over noise levels, at equal distances among all."""


@dataclasses.dataclass(frozen=True)
class PictureScore:
    """One row of the table. What is no trained network has repeat 0: it is alike in all repeats."""

    repeat: int
    method: str
    picture: str
    measure: str
    value: float


def measure_picture(clean: np.ndarray, output: np.ndarray) -> dict[str, float]:
    """All measures of one output.

    Args:
        clean: float32 `(height, width, channels)` in [0, 1], at least 4 x 4.
        output: The same shape; clipped to [0, 1] first.

    Returns:
        A value for each of `MEASURES`. SSIM takes its 11 x 11 window, or the largest odd one that fits a smaller
        picture; the checkerboard a period of 32, or the largest power of two that fits twice.

    Example:
        >>> grey = np.full((16, 16, 1), 0.5, "float32")
        >>> found = measure_picture(grey, grey + 0.1)
        >>> round(found["psnr"], 2), round(found["discoloration"], 3)
        (20.0, 0.1)
    """
    pair = np.asarray(clean, "float32")[None], np.clip(np.asarray(output, "float32"), 0, 1)[None]
    shorter = min(clean.shape[:2])
    period = min(CHECKERBOARD_PERIOD, 1 << (shorter // 2).bit_length() - 1)
    values = {
        "mse": metrics.mean_squared_error(*pair),
        "psnr": metrics.psnr(*pair, max_val=1.0),
        "ssim": metrics.ssim(*pair, max_val=1.0, filter_size=min(11, (shorter - 1) // 2 * 2 + 1)),
        "gmsd": sharpness.gradient_magnitude_similarity_deviation(*pair),
        "high_frequency_ratio": sharpness.high_frequency_energy_ratio(*pair),
        "radial_spectrum_error": sharpness.radial_spectrum_error(*pair),
        "checkerboard": sharpness.checkerboard(*pair, period=period),
        "discoloration": sharpness.discoloration(*pair),
    }
    return {measure: float(value[0]) for measure, value in values.items()}


def score_methods(
    pictures: Sequence[NoisyPair],
    methods: Mapping[tuple[int, str], Predict],
    *,
    observe: Callable[[int, str, NoisyPair, np.ndarray], None] = lambda *place: None,
    progress: Callable[[Sequence[NoisyPair]], Iterable[NoisyPair]] = iter,
) -> list[PictureScore]:
    """Measure every method on every picture.

    Args:
        pictures: What to denoise.
        methods: By (repeat, name): float32 `(height, width, channels)` to the same shape. The noisy input itself is
            scored besides, as `INPUT`.
        observe: Called with (repeat, name, picture, output in [0, 1]).
        progress: Wraps the pictures to show how far the scoring is.

    Returns:
        The rows of the table.

    Raises:
        ValueError: If an output has not the shape of its input.
    """
    rows = []
    for picture in progress(pictures):
        for (repeat, name), predict in {(0, INPUT): np.asarray, **methods}.items():
            output = denoise(predict, picture.noisy, name)
            observe(repeat, name, picture, output)
            measured = measure_picture(picture.clean, output)
            rows += [PictureScore(repeat, name, picture.name, measure, value) for measure, value in measured.items()]
    return rows


def denoise(predict: Predict, noisy: np.ndarray, name: str) -> np.ndarray:
    """One output, clipped to [0, 1].

    Raises:
        ValueError: If it has not the shape of its input.
    """
    output = np.asarray(predict(noisy))
    if output.shape != noisy.shape:
        raise ValueError(f"{name} takes and gives images of one shape; received {noisy.shape}, gave {output.shape}.")
    return np.clip(output.astype("float32"), 0, 1)


@dataclasses.dataclass(frozen=True)
class Average:
    """One measure of one method.

    Attributes:
        value: Mean over pictures and repeats.
        low: Lower end of the 95 % bootstrap interval of `value` over pictures.
        high: Upper end.
        least: Least mean over pictures among the repeats.
        most: Greatest.
    """

    value: float
    low: float
    high: float
    least: float
    most: float


class TextureTable:
    """Look-up of scores, with a bootstrap over pictures whose draws all methods share.

    Args:
        rows: What `score_methods` gave.
    """

    def __init__(self, rows: Sequence[PictureScore]):
        self.rows = list(rows)
        self.methods = list(dict.fromkeys(row.method for row in self.rows))
        self._values: dict[tuple[str, str], dict[int, list[float]]] = {}
        for row in self.rows:
            self._values.setdefault((row.method, row.measure), {}).setdefault(row.repeat, []).append(row.value)
        self.num_pictures = self.values(self.methods[0], "mse").shape[1]
        self.bootstrap = Bootstrap(self.num_pictures)

    def values(self, method: str, measure: str) -> np.ndarray:
        """`(repeats, pictures)`; a method that is no network has a single repeat."""
        return np.array(list(self._values[method, measure].values()))

    def average(self, method: str, measure: str) -> Average:
        """The mean of a measure, its interval over pictures and its spread over repeats."""
        values = self.values(method, measure)
        by_repeat = values.mean(axis=1)
        low, high = interval(self.bootstrap.means(values.mean(axis=0)))
        return Average(float(by_repeat.mean()), low, high, float(by_repeat.min()), float(by_repeat.max()))

    def csv(self) -> str:
        """The table as CSV, one line per score."""
        text = io.StringIO()
        writer = csv.DictWriter(text, dataclasses.asdict(self.rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(map(dataclasses.asdict, self.rows))
        return text.getvalue()


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


@dataclasses.dataclass(frozen=True)
class Sweep:
    """PSNR over noise.

    Attributes:
        sigmas: Noise deviations in 255ths.
        curves: By method, mean PSNR `(repeats, sigmas)` in dB.
        num_pictures: Pictures that each value is the mean of.
    """

    sigmas: tuple[float, ...]
    curves: dict[str, np.ndarray]
    num_pictures: int


def sweep_noise(
    pictures: Sequence[NoisyPair],
    validation: Sequence[NoisyPair],
    networks: Mapping[tuple[int, str], Predict],
    make_noisy: Callable[[np.ndarray, float], np.ndarray],
    sigmas: Sequence[float],
) -> Sweep:
    """Mean PSNR of the noisy input, of a Gaussian blur and of every network at each noise level.

    The blur is tuned anew at every level, on validation pictures with noise of that level; no network is told it.

    Args:
        pictures: Test pictures; twelve of them are taken.
        validation: What the blur is tuned on.
        networks: By (repeat, name).
        make_noisy: `(clean, sigma) -> noisy`, sigma in 255ths.
        sigmas: The levels, in 255ths.

    Returns:
        The curves; `INPUT` and `gaussian_blur` have a single repeat.
    """
    pictures = spread_out(pictures, SWEEP_PICTURES)
    found: dict[str, dict[int, list[float]]] = {}
    for sigma in sigmas:
        blur = tune(BASELINES["gaussian_blur"], list(_with_noise(validation, make_noisy, sigma)))
        noisy = list(_with_noise(pictures, make_noisy, sigma))
        for (repeat, name), predict in {(0, INPUT): np.asarray, (0, "gaussian_blur"): blur, **networks}.items():
            values = [metrics.psnr(p.clean[None], denoise(predict, p.noisy, name)[None], max_val=1.0) for p in noisy]
            found.setdefault(name, {}).setdefault(repeat, []).append(float(np.mean(values)))
    curves = {name: np.array(list(repeats.values())) for name, repeats in found.items()}
    return Sweep(tuple(sigmas), curves, len(pictures))


def _with_noise(pictures: Sequence[NoisyPair], make_noisy, sigma: float) -> Iterator[NoisyPair]:
    for picture in pictures:
        noisy = np.asarray(make_noisy(picture.clean, sigma), "float32")
        yield dataclasses.replace(picture, noisy=noisy)
