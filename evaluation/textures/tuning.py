"""The search for the parameters of the classical denoisers, at each noise level by itself.

A rival is tuned on the noise that it is judged on. The networks are told nothing of it, so this leans the rivals' way.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from evaluation.textures.baselines import BASELINES, Baseline
from tf_denoise.data.noisy_pair import NoisyPair

TUNING_PICTURES, TUNING_SIDE = 24, 192
"""The search sees no more than this many pictures, of each the centre, no wider and no higher than this."""


@dataclasses.dataclass(frozen=True)
class Tuned:
    """A classical denoiser with the parameters it was found to do best with; called, it clips to [0, 1].

    Attributes:
        baseline: The denoiser.
        parameters: Its parameters.
        mse: Mean squared error over the (cropped) pictures of the search.
    """

    baseline: Baseline
    parameters: dict[str, float]
    mse: float

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Denoise one image `(height, width, channels)`."""
        return np.clip(self.baseline.function(image, **self.parameters), 0, 1)

    @property
    def setting(self) -> str:
        """The parameters in words.

        Example:
            >>> Tuned(BASELINES["gaussian_blur"], {"kernel_size": 5, "sigma": 1.25}, 0.01).setting
            'kernel size 5, sigma 1.25'
        """
        return ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in self.parameters.items())


def tune(baseline: Baseline, pictures: Sequence) -> Tuned:
    """The parameters with the lowest mean squared error.

    Args:
        baseline: The denoiser.
        pictures: What to tune on: validation pictures with `clean` and `noisy`, all of one noise level, never test
            pictures. 24 of them are taken at equal distances, of each the 192 x 192 pixels at the centre.

    Returns:
        The tuned denoiser.

    Raises:
        ValueError: If there is no picture.

    Example:
        >>> from types import SimpleNamespace
        >>> flat = np.full((16, 16, 1), 0.5, "float32")
        >>> noise = np.random.default_rng(0).normal(0, 0.1, flat.shape).astype("float32")
        >>> tune(BASELINES["median"], [SimpleNamespace(clean=flat, noisy=flat + noise)]).parameters
        {'size': 9}
    """
    if not len(pictures):
        raise ValueError(f"{baseline.title} is tuned on validation pictures; received none.")
    crops = [(_centre(p.clean), _centre(p.noisy)) for p in spread_out(pictures, TUNING_PICTURES)]

    def with_error(parameters: dict[str, float]) -> Tuned:
        made = Tuned(baseline, parameters, float("nan"))
        error = np.mean([np.mean(np.square(made(noisy) - clean), dtype="float64") for clean, noisy in crops])
        return dataclasses.replace(made, mse=float(error))

    return min(map(with_error, baseline.candidates()), key=lambda tuned: tuned.mse)


def spread_out(items: Sequence, most: int) -> list:
    """At most that many items, at equal distances.

    Example:
        >>> spread_out("abcdefg", 3)
        ['a', 'd', 'g']
    """
    places = np.linspace(0, len(items) - 1, min(most, len(items)))
    return [items[place] for place in np.round(places).astype(int)]


def _centre(image: np.ndarray) -> np.ndarray:
    top, left = (max(0, side - TUNING_SIDE) // 2 for side in image.shape[:2])
    return np.ascontiguousarray(image[top : top + TUNING_SIDE, left : left + TUNING_SIDE])


Rivals = Mapping[float | None, Mapping[str, Tuned]]
"""The tuned classical methods by noise level and name."""


def tune_at_levels(
    pictures: Sequence[NoisyPair], progress: Callable[[Sequence], Iterable] = iter
) -> dict[float | None, dict[str, Tuned]]:
    """Every classical method, tuned at every noise level on the pictures of that level.

    Args:
        pictures: Validation pictures.
        progress: Wraps the searches to show how far they are.
    """
    levels = dict.fromkeys(picture.level for picture in pictures)
    rivals: dict[float | None, dict[str, Tuned]] = {level: {} for level in levels}
    for level, name in progress([(level, name) for level in levels for name in BASELINES]):
        rivals[level][name] = tune(BASELINES[name], [picture for picture in pictures if picture.level == level])
    return rivals


def best_rivals(rivals: Rivals) -> dict[float | None, str]:
    """At each noise level, the classical method with the lowest mean squared error on the validation pictures."""
    return {level: min(tuned, key=lambda name: tuned[name].mse) for level, tuned in rivals.items()}
