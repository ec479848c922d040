"""What noise pictures have: its level, whether it grows with the light, who shares it, found in the pictures alone."""

import dataclasses
import itertools
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import numpy as np
import scipy.fft
import scipy.optimize
import scipy.stats

from tf_denoise.noise.impulses import ALL_AT_ENDS, has_impulses

Sharing = Literal["no", "rows", "columns", "both"]

SIDE = 8
"""Of the blocks that are looked at, in pixels."""
HIDDEN = 0.6 / 255
"""Deviation below which noise cannot be told from rounding to 8 bits, whose own is 0.29 / 255."""
SHARED = 1.5
"""Noise is shared along an axis where its middle frequencies have so many times the power of its high ones: of noise
that neighbours share at a correlation of 0.2 they have 1.7 times."""
BANDED = 1.6
"""Whole lines share noise, an offset for each, where frequency 0 along them has so many times the power of the next.
Of photographs with white noise of a deviation of 5 and more it has 1.33 times at the most; offsets of half the
deviation of the noise of each pixel make it 2.5 times, of a third 1.7."""
WEAK = 2 / 255
"""Deviation below which fine texture may be read as noise."""
NO_NOISE = "No more noise than rounding to 8 bits hides."
NO_NOISE_BUT_TEXTURE = "No noise that can be told from fine texture."
_MOST_BLOCKS = 40_000
_QUIET, _LEAST_QUIET = 0.1, 48
_LOW, HALF = 4, SIDE // 2
"""Where the high half of the cosine frequencies of a block begins."""
_TRIM = 0.75
_KEPT_POWER = float(scipy.stats.chi2.cdf(scipy.stats.chi2.ppf(_TRIM, 1), 3))  # of what a normal variable has
_BINS = 8
_CLIPPED_BLOCK = 0.02
_ALIKE, _EVEN, _LEAST_OF_ALL = 0.4, 0.3, 0.05
_BY_CHANCE = 0.1


@dataclasses.dataclass(frozen=True)
class FoundNoise:
    """What `find_noise` found.

    Attributes:
        deviation: Standard deviation of all noise at the mean brightness, with white at 1.
        sigma: That of the part that does not grow with the light.
        gain: Step of the value that one photon makes: the variance is `gain * value + sigma**2`.
        along_rows: Correlation of the noise of neighbours in a row, at distances of 1, 2 and 3 pixels.
        along_columns: The same in a column.
        shared: Along which axes neighbours share it.
        between_channels: Correlation of the noise of the channels of a pixel; 0 for grey pictures.
        clipped: Share of the values that lie at black or white.
        impulses: Whether single pixels at black and white are more than such noise explains: salt and pepper.
        is_even: Whether quiet places have it alike. Fine texture is strong in some and weak in others.
    """

    deviation: float
    sigma: float
    gain: float
    along_rows: tuple[float, ...]
    along_columns: tuple[float, ...]
    shared: Sharing
    between_channels: float
    clipped: float
    impulses: bool
    is_even: bool = True

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "FoundNoise":
        """The noise that a run keeps as JSON values, as `dataclasses.asdict` gives them."""
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in record.items()
        }
        return cls(**values)

    @property
    def is_hidden(self) -> bool:
        """Whether there is no more of it than rounding to 8 bits hides, or fine texture was read as noise."""
        return self.deviation < (HIDDEN if self.is_even else WEAK) and not self.impulses

    @property
    def is_white(self) -> bool:
        """Whether no two pixels share it, and single ones do not stand out."""
        return self.shared == "no" and not self.impulses

    @property
    def channel_correlation(self) -> float:
        """Correlation of the noise of the channels of a pixel, from 0 to 1; 0 where it may be chance."""
        return min(1.0, self.between_channels) if self.between_channels > _BY_CHANCE else 0.0

    @property
    def grows_with_light(self) -> bool:
        """Whether the variance at white is more than half as large again as at black."""
        return self.gain > 0.5 * self.sigma**2

    @property
    def width(self) -> int:
        """At how many pixels of distance neighbours share it still, at a correlation of 0.1 or more; 3 at the most."""
        axes = {"no": "", "rows": "r", "columns": "c", "both": "rc"}[self.shared]
        along = [rho for axis, rho in (("r", self.along_rows), ("c", self.along_columns)) if axis in axes]
        return max((len(list(itertools.takewhile(lambda value: value >= 0.1, rho))) for rho in along), default=0)

    @property
    def sharing_in_words(self) -> str:
        """Who shares it, as the end of a sentence."""
        if self.shared == "no":
            return "of each pixel alone"
        axes = {"rows": "in a row", "columns": "in a column", "both": "in rows and columns"}[self.shared]
        correlation = f"correlation {self._strongest:.2f}"
        if self.is_opposite:
            return f"opposite in neighbours {axes} ({correlation}), as in halftones and sharpened pictures"
        pixels = {0: "1 pixel", 1: "1 pixel", len(self.along_rows): f"{self.width} pixels or more"}
        return f"shared by neighbours {axes} ({correlation}, over {pixels.get(self.width, f'{self.width} pixels')})"

    @property
    def is_binary(self) -> bool:
        """Whether there is hardly anything but black and white, as in drawings and halftones."""
        return self.clipped > ALL_AT_ENDS

    @property
    def is_opposite(self) -> bool:
        """Whether neighbours have noise of opposite signs: no sensor leaves that, but halftones and sharpening do."""
        return self.shared != "no" and self._strongest < 0

    @property
    def _strongest(self) -> float:
        along = {"rows": self.along_rows[:1], "columns": self.along_columns[:1]}
        return max(along.get(self.shared, (self.along_rows[0], self.along_columns[0])), key=abs)

    @property
    def in_words(self) -> str:
        """One sentence.

        Example:
            >>> nothing = (0.0, 0.0, 0.0)
            >>> FoundNoise(0.002, 0.002, 0.0, nothing, nothing, "no", 0.0, 0.0, False).in_words
            'No more noise than rounding to 8 bits hides.'
        """
        if self.is_hidden:
            return NO_NOISE if self.deviation < HIDDEN else NO_NOISE_BUT_TEXTURE
        light = (
            "more in light places than in dark ones"
            if self.grows_with_light
            else "as much in dark places as in light ones"
        )
        kind = "Salt and pepper, or noise like it," if self.impulses else "Noise"
        channels = ", alike in all channels" if self.between_channels > 0.8 else ""
        level = f"{255 * self.deviation:.1f} (255ths of white)"
        return f"{kind} of a deviation of {level}, {light}, {self.sharing_in_words}{channels}."


def find_noise(pictures: Iterable[np.ndarray]) -> FoundNoise | None:
    """Find out what noise pictures of one camera have.

    Blocks of 8 x 8 pixels are brought to their cosine frequencies. Of the tenth with the least power at low
    frequencies, which show next to nothing but noise, the power at each frequency is that of the noise. White
    noise has the same at all; noise that neighbours in a row share has less, the higher the horizontal frequency. That
    power, in groups of blocks by brightness, tells whether the noise grows with the light. Lines that have an offset
    each, as sensors leave them, are told by the frequency 0 along them. Places without any noise,
    such as a frame, a label or what was painted over, are left out where the others have noise.

    Args:
        pictures: `(height, width, channels)` each, uint8, uint16, or floating point with white at 1.

    Returns:
        What was found, or `None` where the pictures have fewer than 48 blocks together, or hardly one that is not
        clipped.

    Reference:
        - [Ponomarenko et al., An Automatic Approach to Lossy Compression of AVIRIS Images, 2007](
          https://doi.org/10.1109/IGARSS.2007.4422833), for the quiet blocks in the cosine domain
        - [Colom and Buades, Analysis and Extension of the Ponomarenko et al. Method, 2013](
          https://doi.org/10.5201/ipol.2013.45)

    Example:
        >>> picture = np.random.default_rng(0).normal(0.5, 0.1, (128, 128, 3))
        >>> found = find_noise([picture])
        >>> round(found.deviation, 2), found.shared
        (0.1, 'no')
    """
    blocks, ends = gather_blocks(pictures)
    if len(blocks) < _LEAST_QUIET:
        return None
    coefficients = scipy.fft.dctn(blocks, axes=(1, 2), norm="ortho")
    frequency = np.add.outer(np.arange(SIDE), np.arange(SIDE))
    activity = (coefficients[:, (frequency > 0) & (frequency <= _LOW)] ** 2).mean(axis=(1, 2))
    impulses = has_impulses(blocks, ~has_no_noise(blocks))
    usable = np.arange(len(blocks))
    if not impulses:
        usable = _without_flat(blocks, coefficients, activity, usable)
        within = usable[ends[usable] <= _CLIPPED_BLOCK]
        usable = within if len(within) >= _LEAST_QUIET else usable
    quiet = _quietest(activity, usable)
    spectrum = _power(coefficients[quiet])
    high = float(spectrum[HALF:, HALF:].mean())
    rows, columns = _along(spectrum), _along(spectrum.T)
    shared = _shared(_is_shared(rows), _is_shared(columns))
    spread = _whole(spectrum, rows, columns, shared) / high if high else 1.0
    means = blocks.mean(axis=(1, 2, 3))
    sigma, gain = _by_light(coefficients, means, activity, usable, high)
    expected = gain * means[quiet] + sigma**2 if gain else np.ones(len(quiet))
    expected = np.maximum(expected, 1e-3 * expected.max())  # of black places, where there are no photons
    return FoundNoise(
        deviation=float(np.sqrt((gain * means.mean() + sigma**2 if gain else high) * spread)),
        sigma=sigma * float(np.sqrt(spread)),
        gain=gain * spread,
        along_rows=_correlation(rows),
        along_columns=_correlation(columns),
        shared=shared,
        between_channels=_between_channels(coefficients[quiet]),
        clipped=float(ends.mean()),
        impulses=impulses,
        is_even=_evenness(coefficients[quiet], expected) > _EVEN,
    )


def gather_blocks(pictures: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Blocks of pictures, the same places for pictures of the same sizes.

    Args:
        pictures: `(height, width, channels)` each, uint8, uint16, or floating point with white at 1.

    Returns:
        At most 40,000 blocks of all pictures, float64 `(count, 8, 8, channels)` with white at 1, and the share of each
        that is black or white.
    """
    held: list[np.ndarray] = []
    ends: list[float] = []
    pictures = list(pictures)
    most = max(1, _MOST_BLOCKS // max(1, len(pictures)))
    for picture in pictures:
        rows, columns = (size // SIDE for size in picture.shape[:2])
        chosen = np.unique(np.linspace(0, rows * columns - 1, min(most, rows * columns)).astype(int))
        for place in chosen if rows * columns else ():
            top, left = place // columns * SIDE, place % columns * SIDE
            block = picture[top : top + SIDE, left : left + SIDE]
            white = 1.0 if block.dtype.kind == "f" else float(np.iinfo(block.dtype).max)
            held.append(block.astype("float64") / white)
            ends.append(float(((block == 0) | (block == white)).mean()))
    if not held:
        return np.empty((0, SIDE, SIDE, 1)), np.empty(0)
    return np.stack(held), np.array(ends)


def has_no_noise(blocks: np.ndarray) -> np.ndarray:
    """Which blocks noise cannot have been added to: a row or a column is all alike, or many neighbours are.

    Of rounded noise with a deviation of a 255th one grey block in twenty is such by chance, of colour next to none; of
    twice that none.

    Args:
        blocks: `(count, 8, 8, channels)`.

    Returns:
        Boolean, `(count,)`.
    """
    beside = (blocks[:, :, 1:] == blocks[:, :, :-1]).all(axis=-1)
    below = (blocks[:, 1:] == blocks[:, :-1]).all(axis=-1)
    lines = beside.all(axis=2).any(axis=1) | below.all(axis=1).any(axis=1)
    return lines | (np.maximum(beside.mean(axis=(1, 2)), below.mean(axis=(1, 2))) > _ALIKE)


def _without_flat(blocks, coefficients, activity, usable: np.ndarray) -> np.ndarray:
    """The usable blocks without those that have no noise at all, if they are the fewer and the others have some."""
    others = usable[~has_no_noise(blocks[usable])]
    if not max(_LEAST_QUIET, len(usable) / 2) <= len(others) < len(usable):
        return usable
    quiet = _quietest(activity, others)
    least = np.quantile((coefficients[quiet][:, HALF:, HALF:] ** 2).mean(axis=(1, 2, 3)), _LEAST_OF_ALL)
    is_even = _evenness(coefficients[quiet], np.ones(len(quiet))) > _EVEN
    return others if is_even or least > WEAK**2 else usable


def _evenness(coefficients: np.ndarray, expected: np.ndarray) -> float:
    """The power at high frequencies in the twentieth of the blocks that has least of it, as a share of the mean.

    Of noise with a deviation of a 255th or more 0.4 to 0.75, of photographs without noise 0.2 and less.
    """
    power = (coefficients[:, HALF:, HALF:] ** 2).mean(axis=(1, 2, 3)) / expected
    return float(np.quantile(power, _LEAST_OF_ALL) / power.mean()) if power.any() else 0.0


def _quietest(activity: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """The usable blocks with the least power at low frequencies."""
    count = max(_LEAST_QUIET, int(_QUIET * len(usable)))
    return usable[np.argsort(activity[usable], kind="stable")[:count]]


def _power(coefficients: np.ndarray) -> np.ndarray:
    """The power of noise at each frequency `(8, 8)`, from the smaller three quarters over blocks, the mean over
    channels."""
    kept = np.sort(coefficients**2, axis=0)[: round(_TRIM * len(coefficients))]
    return kept.sum(axis=0).mean(axis=-1) / (len(coefficients) * _KEPT_POWER)


def _along(spectrum: np.ndarray) -> np.ndarray:
    """The power along the second axis of the frequencies. At the two lowest the picture may have added to it: no more
    is taken than what the others go on to, unless whole lines have an offset each."""
    floor = np.maximum(spectrum[HALF:].mean(axis=0), 1e-12)
    curve = np.polynomial.Polynomial.fit([2, 3, 4], np.log(floor[2:5]), 2)
    lowest = np.minimum(floor[:2], np.exp(curve(np.arange(2))))
    if floor[0] > BANDED * floor[1]:
        lowest[0] = floor[0]
    return np.concatenate([lowest, floor[2:]])


def _is_shared(power: np.ndarray) -> bool:
    middle, high = power[2:4].mean(), power[6:].mean()
    return bool(middle > SHARED * high or high > SHARED * middle or power[0] > BANDED * max(power[1], middle))


def _shared(rows: bool, columns: bool) -> Sharing:
    if rows and columns:
        return "both"
    return "rows" if rows else "columns" if columns else "no"


def _whole(spectrum: np.ndarray, rows: np.ndarray, columns: np.ndarray, shared: Sharing) -> float:
    """The variance of all noise, from its power at the frequencies that show little of the picture."""
    if shared in ("rows", "columns"):
        return float((rows if shared == "rows" else columns).mean())
    if shared == "no":
        return float(spectrum[HALF:, HALF:].mean())
    frequency = np.add.outer(np.arange(SIDE), np.arange(SIDE))
    return float(np.where(frequency < 2, spectrum[frequency == 2].mean(), spectrum).mean())


def _correlation(power: np.ndarray) -> tuple[float, ...]:
    """Correlation at distances of 1, 2 and 3 of noise with this power at the cosine frequencies."""
    cosines = scipy.fft.dct(np.eye(SIDE), axis=0, norm="ortho")
    covariance = cosines.T @ np.diag(power) @ cosines
    lags = [np.diagonal(covariance, lag).mean() for lag in range(4)]
    return tuple(float(lag / lags[0]) for lag in lags[1:])


def _by_light(coefficients, means, activity, usable, high: float) -> tuple[float, float]:
    """Deviation at black and gain of the high frequencies, from groups of blocks by brightness; `high` is the power of
    all quiet blocks."""
    order = usable[np.argsort(means[usable], kind="stable")]
    light, variance, count = [], [], 1
    for group in np.array_split(order, min(_BINS, max(1, len(order) // _LEAST_QUIET))):
        quiet = _quietest(activity, group)
        light.append(means[quiet].mean())
        variance.append(_power(coefficients[quiet])[HALF:, HALF:].mean())
        count = len(quiet)
    if len(light) < 3 or light[-1] - light[0] < 0.05:
        return float(np.sqrt(np.mean(variance))), 0.0
    # each group's variance is known to the same share of itself
    if min(variance) <= 0:
        return float(np.sqrt(high)), 0.0
    design = np.stack([np.ones(len(light)), light], axis=1) / np.array(variance)[:, None]
    (base, gain), _ = scipy.optimize.nnls(design, np.ones(len(light)))
    sure = 0.08 + 3 * np.sqrt(2 / (count * coefficients.shape[-1] * HALF**2))
    if gain * (light[-1] - light[0]) < sure * np.mean(variance):
        return float(np.sqrt(np.mean(variance))), 0.0
    return float(np.sqrt(base)), float(gain)


def _between_channels(coefficients: np.ndarray) -> float:
    """Mean correlation of the high frequencies of two channels."""
    high = coefficients[:, HALF:, HALF:].reshape(-1, coefficients.shape[-1])
    if high.shape[-1] == 1 or not high.any(axis=0).all():
        return 0.0
    found = np.corrcoef(high, rowvar=False)
    return float(found[np.triu_indices(len(found), 1)].mean())
