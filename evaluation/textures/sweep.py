"""PSNR over noise, within the range that a network was trained on and beyond it."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from evaluation.table import INPUT
from evaluation.textures.baselines import BASELINES
from evaluation.textures.run import Predict, TextureRun
from evaluation.textures.tuning import Tuned, spread_out, tune
from tf_denoise.data.noisy_pair import NoisyPair

SWEEP_PICTURES = 12
"""Photographs of the sweep, at equal distances among all."""
BLUR = "gaussian_blur"
"""The classical method that is quick enough to be tuned at every level."""


@dataclasses.dataclass(frozen=True)
class Sweep:
    """PSNR over noise.

    Attributes:
        sigmas: Noise deviations in 255ths.
        curves: By method, mean PSNR `(repeats, sigmas)` in dB.
        num_pictures: Photographs that each value is the mean of.
    """

    sigmas: tuple[float, ...]
    curves: dict[str, np.ndarray]
    num_pictures: int


def sweep_noise(run: TextureRun, rivals: Mapping[float | None, Mapping[str, Tuned]]) -> Sweep:
    """Mean PSNR of the noisy input, of a Gaussian blur and of every network at each noise level of the sweep.

    At a level that the run is judged at, the blur is that of the judgement; at any other it is tuned on validation
    photographs with noise of that level. No network is told the level.

    Args:
        run: The run; twelve of its test photographs are taken.
        rivals: The tuned classical methods by noise level and name.

    Returns:
        The curves; `INPUT` and `gaussian_blur` have a single repeat.
    """
    from evaluation import metrics  # with TensorFlow, which a page of results does without
    from evaluation.textures.scoring import denoise

    photographs = spread_out(run.photographs, SWEEP_PICTURES)
    validation = list({picture.name: picture for picture in run.validation}.values())
    found: dict[str, dict[int, list[float]]] = {}
    for sigma in run.sigmas:
        known = rivals.get(float(sigma))
        blur = known[BLUR] if known else tune(BASELINES[BLUR], _with_noise(run, validation, sigma))
        noisy = _with_noise(run, photographs, sigma)
        methods: dict[tuple[int, str], Predict] = {(0, INPUT): np.asarray, (0, BLUR): blur, **run.networks}
        for (repeat, name), predict in methods.items():
            values = [metrics.psnr(p.clean[None], denoise(predict, p.noisy, name)[None], max_val=1.0) for p in noisy]
            found.setdefault(name, {}).setdefault(repeat, []).append(float(np.mean(values)))
    curves = {name: np.array(list(repeats.values())) for name, repeats in found.items()}
    return Sweep(tuple(run.sigmas), curves, len(photographs))


def _with_noise(run: TextureRun, pictures: Sequence[NoisyPair], sigma: float) -> list[NoisyPair]:
    make = run.make_noisy  # a run with a sweep has it
    return [NoisyPair(p.name, p.clean, np.asarray(make(p.clean, sigma), "float32"), sigma) for p in pictures]
