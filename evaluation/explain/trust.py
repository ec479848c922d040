"""Whether a heat map can be trusted: what happens when the places it names are taken away, and when the weights are.

What deletion means for a denoiser: a place is taken away by putting the local mean of the noisy picture there (a heavy
Gaussian blur), which holds neither its detail nor its noise; the network's output is held against the clean picture.
Places are square cells, so that every map is judged at the same scale.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import keras
import numpy as np
from scipy import ndimage, stats

from evaluation.metrics import psnr

RANDOM, UNIFORM = "random", "uniform"
MOST_CELL, LEAST_CELLS = 16, 8


@dataclasses.dataclass(frozen=True)
class Curves:
    """PSNR in dB while more and more of a picture is taken away, or put back.

    Attributes:
        shares: Shares of the picture, `(steps + 1,)`, from 0 to 1.
        deletion: By map: PSNR when the hottest share is taken away, `(steps + 1,)`.
        insertion: By map: PSNR when nothing but the hottest share is there.
    """

    shares: np.ndarray
    deletion: Mapping[str, np.ndarray]
    insertion: Mapping[str, np.ndarray]

    def gains(self, name: str, against: str = RANDOM) -> tuple[float, float]:
        """How much better a map is than another, in dB of mean PSNR: by deletion and by insertion.

        Both are positive if the network needs the places that the map names more than others: without them its output
        is worse than without the others', and with nothing but them it is better.
        """
        deletion, insertion = (
            {key: np.trapezoid(curve[key], self.shares) for key in (name, against)}
            for curve in (self.deletion, self.insertion)
        )
        return float(deletion[against] - deletion[name]), float(insertion[name] - insertion[against])


@dataclasses.dataclass(frozen=True)
class Trust:
    """One number for each check of a map.

    Attributes:
        deletion: dB that deleting by the map costs more than deleting at random; see `Curves.gains`.
        insertion: dB that inserting by the map brings more than inserting at random.
        deletion_uniform: The same against taking the same share of every pixel.
        insertion_uniform: The same against putting back the same share of every pixel.
        randomised: Rank correlation with the maps of the network with shuffled weights: at 1 the map does not show
            what was learned, at 0 nothing of it is left without.
    """

    deletion: float
    insertion: float
    deletion_uniform: float
    insertion_uniform: float
    randomised: float


def measure_trust(cam, shuffled: Sequence, denoise: Callable, noisy: np.ndarray, clean: np.ndarray) -> Trust:
    """All checks of an activation map on one picture.

    Args:
        cam: An `EigenCAM`, `KPCACAM` or `GradCAM`.
        shuffled: The same maps of networks with shuffled weights, one or more.
        denoise: The network, float32 `(height, width, channels)` to the same shape.
        noisy: The picture as the network gets it.
        clean: The same without noise, in [0, 1].
    """
    curves = psnr_curves(denoise, noisy, clean, {"map": cam(noisy[None])[0]})
    return Trust(
        *curves.gains("map"),
        *curves.gains("map", UNIFORM),
        randomised_correlation(cam.raw, [c.raw for c in shuffled], noisy),
    )


def psnr_curves(
    denoise: Callable[[np.ndarray], np.ndarray],
    noisy: np.ndarray,
    clean: np.ndarray,
    heats: Mapping[str, np.ndarray],
    *,
    steps: int = 10,
    orders: int = 3,
    seed: int = 0,
) -> Curves:
    """Deletion and insertion by maps, beside a random one (the mean of some orders of the cells) and a uniform one.

    A uniform map names no place: every pixel is mixed, `(1 - share) * noisy + share * local mean`. A map without any
    contrast names none either, and gets the curves of the random one.

    Args:
        denoise: The network.
        noisy: float32 `(height, width, channels)`, as the network gets it.
        clean: The same without noise, in [0, 1].
        heats: `(height, width)` by name.
        steps: Shares between 0 and 1 are multiples of 1 / steps.
        orders: Number of random orders.
        seed: Decides these.

    Raises:
        ValueError: If the shapes do not fit each other.
    """
    height, width = noisy.shape[:2]
    if clean.shape != noisy.shape or any(heat.shape != (height, width) for heat in heats.values()):
        raise ValueError(
            f"Noisy picture, clean picture and maps must be of one size; received {noisy.shape}, {clean.shape} and "
            f"{[heat.shape for heat in heats.values()]}."
        )
    cell = max(1, min(MOST_CELL, height // LEAST_CELLS, width // LEAST_CELLS))
    cells = np.arange(height)[:, None] // cell * -(-width // cell) + np.arange(width) // cell
    count = int(cells.max()) + 1
    local_mean = ndimage.gaussian_filter(noisy, (cell / 2, cell / 2, 0), mode="nearest")

    def score(picture: np.ndarray) -> float:
        return float(psnr(clean[None], denoise(picture.astype("float32"))[None], max_val=1.0)[0])

    shares = np.linspace(0, 1, steps + 1)
    whole, nothing = score(noisy), score(local_mean)

    def both(order: np.ndarray) -> np.ndarray:
        rank = np.empty(count, int)
        rank[order] = np.arange(count)
        scores = []
        for share in shares[1:-1]:
            hot = (rank[cells] < round(share * count))[..., None]
            scores.append((score(np.where(hot, local_mean, noisy)), score(np.where(hot, noisy, local_mean))))
        return np.array([(whole, nothing), *scores, (nothing, whole)]).T

    rng = np.random.default_rng(seed)
    curves = {RANDOM: np.mean([both(rng.permutation(count)) for _ in range(orders)], axis=0)}
    mixed = np.array([whole, *(score((1 - s) * noisy + s * local_mean) for s in shares[1:-1]), nothing])
    curves[UNIFORM] = np.stack([mixed, mixed[::-1]])
    for name, heat in heats.items():
        means = ndimage.mean(heat, cells, np.arange(count))
        curves[name] = both(np.argsort(-means, kind="stable")) if np.ptp(means) > 0 else curves[RANDOM]
    return Curves(shares, *({name: curve[side] for name, curve in curves.items()} for side in (0, 1)))


def randomised_correlation(make_map: Callable, shuffled: Sequence[Callable], noisy: np.ndarray) -> float:
    """Mean rank correlation of a map with those of networks with shuffled weights.

    Args:
        make_map: `(1, height, width, channels)` to `(1, rows, columns)`.
        shuffled: The same of networks with shuffled weights, one or more.
        noisy: The picture, `(height, width, channels)`.

    Reference:
        - [Adebayo et al., Sanity Checks for Saliency Maps, 2018](https://arxiv.org/abs/1810.03292)
    """
    own = make_map(noisy[None])
    return float(np.mean([rank_correlation(own, other(noisy[None])) for other in shuffled]))


def rank_correlation(first, second) -> float:
    """Spearman's rank correlation of two maps; 0 if one has no contrast.

    Example:
        >>> rank_correlation([[1.0, 2.0], [3.0, 9.0]], [[0.1, 0.2], [0.3, 0.4]])
        1.0
        >>> rank_correlation([[1.0, 2.0]], [[5.0, 5.0]])
        0.0
    """
    first, second = np.ravel(first), np.ravel(second)
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(stats.spearmanr(first, second).statistic)


def with_shuffled_weights(model: keras.Model, seed: int) -> keras.Model:
    """A copy of a network in which the values of every weight have changed places at random.

    So nothing that was learned is left but the distribution of the values, and activations stay of a like size. Fresh
    initial values would not do: those of a residual net are zero in part, and leave the picture as it is.
    """
    copy = type(model).from_config(model.get_config())
    rng = np.random.default_rng(seed)
    copy.set_weights([rng.permutation(values.ravel()).reshape(values.shape) for values in model.get_weights()])
    return copy
