"""What a run on photographs hands to its evaluation: arrays, callables and plain records."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from evaluation.table import INPUT
from evaluation.textures.baselines import BASELINES
from tf_denoise.data.noisy_pair import NoisyPair
from tf_denoise.losses.named import LOSSES, loss_of

if TYPE_CHECKING:
    from tf_denoise.explain.ablation import TokenAblation

REFERENCE = "mse"
"""The network that every other loss is held against."""

KINDS = {"unet": "U-Net", "vit_unet": "U-Net with transformer", "two_stage": "Two U-Nets"}
"""The networks that a run on photographs can train, in words."""

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
            one value each at equal distances in steps), `stopped` (why training ended early, or `None`), and, where it
            was led back to its best weights, `falls`.
        networks: By (repeat, network): float32 `(height, width, channels)` to the same shape. The network trained with
            the mean squared error alone is called `mse`.
        parameters: Number of weights by network.
        validation: Pictures that the classical methods are tuned on, every photograph at every level.
        test: Pictures that all methods are scored on, and that nothing else has seen, at the same levels.
        make_noisy: `(clean, sigma) -> noisy`, sigma in 255ths: for the sweep over `sigmas`.
        sigmas: Noise deviations of the sweep, in 255ths; empty for no sweep.
        trained_range: Least and largest deviation of the training, in 255ths.
        ablations: The networks with a transformer, by (repeat, network), such that their tokens can be replaced.

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
    ablations: Mapping[tuple[int, str], "TokenAblation"] = dataclasses.field(default_factory=dict)

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
        self._check_levels()
        if len(self.sigmas) and self.make_noisy is None:
            raise ValueError("A sweep over `sigmas` needs `make_noisy`.")

    def _check_levels(self) -> None:
        """Every photograph once at every level, the same levels for validation and test."""
        for part in (self.test, self.validation):
            found = [(picture.name, picture.level) for picture in part]
            if len(set(found)) < len(found):
                twice = next(place for place in found if found.count(place) > 1)
                raise ValueError(f"Every picture has a name of its own; {twice[0]!r} stands there twice.")
            expected = {(name, level) for name, _ in found for level in self.levels}
            if set(found) != expected:
                raise ValueError(
                    f"Every photograph to validate and test on is there at every noise level, {self.levels}; received "
                    f"{len(found)} pictures of {len({name for name, _ in found})} photographs."
                )

    @property
    def names(self) -> list[str]:
        """The networks of one repeat, in order."""
        return list(dict.fromkeys(name for _, name in self.networks))

    @property
    def repeats(self) -> int:
        """How often each network was trained."""
        return max(repeat for repeat, _ in self.networks)

    def title(self, name: str) -> str:
        """What a method of the run is called: a network by what it is and what it was trained with.

        Args:
            name: `input`, a classical method, or a network.
        """
        return network_title(name, self.config.get("network")) if name in self.names else method_title(name)

    @property
    def kind(self) -> str:
        """What its networks are, such as U-Net with transformer."""
        network = self.config.get("network")
        return "as given" if network is None else KINDS.get(network, network)

    @property
    def losses(self) -> dict[str, tuple[str, str, float]]:
        """What each network is, its loss, and the weight of that beside the mean squared error, by network."""
        kind, usual = self.config.get("network", ""), self.config.get("loss_weight", 0.0)
        return {name: (kind, *loss_and_weight(name, usual)) for name in self.names}

    @property
    def levels(self) -> list[float | None]:
        """The noise levels in 255ths, in order; a single `None` where the noise has none."""
        return list(dict.fromkeys(picture.level for picture in self.test))

    @property
    def photographs(self) -> list[NoisyPair]:
        """The test photographs, each once, at the first level."""
        return [picture for picture in self.test if picture.level == self.levels[0]]


def level_title(level: float | None) -> str:
    """What a noise level is called.

    Example:
        >>> level_title(25.0), level_title(None)
        ('sigma 25', 'the noise')
    """
    return "the noise" if level is None else f"sigma {level:g}"


def network_title(name: str, network: str | None) -> str:
    """What a network is called: by what it is and what it was trained with.

    Args:
        name: Its loss or method.
        network: What it is, a key of `KINDS`.

    Example:
        >>> network_title("mae", "unet"), network_title("mae", None)
        ('U-Net, MAE', 'MAE loss')
    """
    kind = KINDS.get(network or "")
    return method_title(name) if kind is None else f"{kind}, {trained_with(name)}"


def loss_and_weight(name: str, usual: float) -> tuple[str, float]:
    """The loss of a network and its weight beside the mean squared error.

    Args:
        name: The name of the network.
        usual: The weight where the name does not tell it.

    Returns:
        The loss, and its weight: 0 for a loss of single pixels, such as the mean squared error itself.

    Example:
        >>> loss_and_weight("wavelet", 0.2), loss_and_weight("wavelet-0.05", 0.2), loss_and_weight("mae", 0.2)
        (('wavelet', 0.2), ('wavelet', 0.05), ('mae', 0.0))
    """
    loss, weight = loss_of(name)
    if loss not in LOSSES or LOSSES[loss].make is None:
        return loss, 0.0
    return loss, usual if weight is None else weight


def trained_with(name: str) -> str:
    """The loss or method of a network, as it follows a comma.

    Example:
        >>> trained_with("mae"), trained_with("weighted_frequency-0.1"), trained_with("noise2noise")
        ('MAE', 'weighted frequency (weight 0.1)', 'noise2noise')
    """
    loss, weight = loss_of(name)
    if loss not in LOSSES:
        return name.replace("_", " ")
    words = LOSSES[loss].title.removesuffix(" loss")
    return (words if words.isupper() else words.lower()) + _weight_in_words(weight)


def _weight_in_words(weight: float | None) -> str:
    return "" if weight is None else f" (weight {weight:g})"


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
    loss, weight = loss_of(name)
    if loss in LOSSES:
        return LOSSES[loss].title + _weight_in_words(weight)
    return name.replace("_", " ").capitalize()
