"""What a run on photographs hands to its evaluation: arrays, callables and plain records."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from evaluation.digits.scoring import INPUT
from evaluation.textures.baselines import BASELINES
from tf_denoise.data.noisy_pair import NoisyPair

REFERENCE = "mse"
"""The network that every other loss is held against."""

Predict = Callable[[np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class TextureRun:
    """A finished run on photographs.

    Attributes:
        config: The run's configuration, JSON values.
        environment: `python`, `tensorflow`, `keras`, `devices` (list) and `cores`.
        data: `description` (str), `train`, `validation`, `test` (lists of names), `skipped` (list of (name, reason)),
            and, where there is one, `noise` (str).
        records: By (repeat, network), repeats counted from 1: `steps`, `seconds`, `history` (`loss` and `val_psnr`,
            one value each at equal distances in steps) and `stopped` (why training ended early, or `None`).
        networks: By (repeat, network): float32 `(height, width, channels)` to the same shape. The network trained with
            the mean squared error alone is called `mse`.
        parameters: Number of weights by network.
        validation: Pictures that the classical methods are tuned on.
        test: Pictures that all methods are scored on, and that nothing else has seen.
        make_noisy: `(clean, sigma) -> noisy`, sigma in 255ths: for the sweep over `sigmas`.
        sigmas: Noise deviations of the sweep, in 255ths; empty for no sweep.
        trained_range: Least and largest deviation of the training, in 255ths.

    Raises:
        ValueError: If a part is missing or two parts do not fit each other.
    """

    config: dict
    environment: dict
    data: dict
    records: Mapping[tuple[int, str], dict]
    networks: Mapping[tuple[int, str], Predict]
    parameters: Mapping[str, int]
    validation: Sequence[NoisyPair]
    test: Sequence[NoisyPair]
    make_noisy: Callable[[np.ndarray, float], np.ndarray] | None = None
    sigmas: Sequence[float] = ()
    trained_range: tuple[float, float] | None = None

    def __post_init__(self):
        """Check that the parts fit each other."""
        for part in ("networks", "validation", "test"):
            if not len(getattr(self, part)):
                raise ValueError(f"An evaluation needs {part}; received none.")
        expected = {(repeat, name) for repeat in range(1, self.repeats + 1) for name in self.names}
        if set(self.networks) != expected or set(self.records) != expected:
            raise ValueError(
                "Every repeat, counted from 1, has every network, with its record; expected "
                f"{sorted(expected)}, received networks {sorted(self.networks)} and records {sorted(self.records)}."
            )
        if taken := {INPUT, *BASELINES} & set(self.names):
            raise ValueError(f"A network cannot be called {taken.pop()!r}: it is the name of another method.")
        if missing := set(self.names) - set(self.parameters):
            raise ValueError(f"`parameters` gives the number of weights of every network; {missing.pop()!r} has none.")
        names = [picture.name for picture in self.test]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"Every test picture has a name of its own; {min(twice)!r} stands there twice.")
        if len(self.sigmas) and self.make_noisy is None:
            raise ValueError("A sweep over `sigmas` needs `make_noisy`.")

    @property
    def names(self) -> list[str]:
        """The networks of one repeat, in order."""
        return list(dict.fromkeys(name for _, name in self.networks))

    @property
    def repeats(self) -> int:
        """How often each network was trained."""
        return max(repeat for repeat, _ in self.networks)


def method_title(name: str) -> str:
    """What a method is called in tables and figures.

    Example:
        >>> method_title("input"), method_title("mae"), method_title("weighted_frequency"), method_title("median")
        ('Noisy input', 'MAE loss', 'Weighted frequency loss', 'Median')
    """
    if name == INPUT:
        return "Noisy input"
    if name in BASELINES:
        return BASELINES[name].title
    words = name.upper() if name in (REFERENCE, "mae") else name.replace("_", " ")
    return words[:1].upper() + words[1:] + " loss"
