"""Random crops of photographs as a pure function of (seed, step), of more photographs than memory holds."""

import threading
from collections import OrderedDict
from collections.abc import Callable

import cachetools
import numpy as np
import tensorflow as tf

from tf_denoise.checks import finite_number, one_of
from tf_denoise.data.photographs import Photographs
from tf_denoise.errors import InputError
from tf_denoise.pictures.files import PictureError, to_unit, with_channels
from tf_denoise.tiling.geometry import QUARTER, turned

BUDGET_BYTES = 512 * 2**20
"""Memory that decoded photographs take by default."""
_TRIES = 3
_FLAT = 3 / 255
"""Standard deviation, as a share of the range, below which a crop is flat."""
_ORDER, _CROPS = 0, 1  # words that tell the two streams of random numbers of a seed apart


class PhotographPool:
    """Which photographs are drawn from at a time, so that few are decoded and all have their turn.

    Endless shuffled passes over all photographs are laid end to end on a line, each photograph as long as its area.
    A window of `window` pixels slides along the line, and a draw takes the photograph under a random point of it. So
    a photograph is drawn in proportion to its area, and only those in the window need be held. Where all photographs
    together fit into the window it stays where it is and holds each once.

    Args:
        areas: Pixels of each photograph.
        window: Length of the window in pixels; 0 stands for the one photograph under a point.
        seed: Integer seed of the passes, 0 or more.
    """

    def __init__(self, areas, window: int, seed: int):
        self.areas = np.asarray(areas, "int64")
        self.total = int(self.areas.sum())
        self.window = min(int(window), self.total)
        self.seed = seed
        self._passes: OrderedDict[int, tuple[np.ndarray, np.ndarray]] = OrderedDict()

    def draw(self, start: int, fractions) -> list[int]:
        """The photographs under points of the window.

        Args:
            start: Where the window begins, in pixels from the beginning of the line.
            fractions: Places in the window, each in [0, 1).

        Returns:
            One index of a photograph per fraction.
        """
        if self.window == self.total:
            start = 0
        return [self._at(start + int(fraction * max(self.window, 1))) for fraction in fractions]

    def _at(self, point: int) -> int:
        number, place = divmod(point, self.total)
        order, ends = self._one_pass(number)
        return int(order[np.searchsorted(ends, place, side="right")])

    def _one_pass(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        if number not in self._passes:
            order = np.random.default_rng([self.seed, _ORDER, number]).permutation(len(self.areas))
            self._passes[number] = order, np.cumsum(self.areas[order])
            while len(self._passes) > 2:  # the window lies in one pass, or in two
                self._passes.popitem(last=False)
        return self._passes[number]


class DecodedCache:
    """Decoded photographs, as stored integers; the ones least recently used go when the budget is spent.

    Args:
        decode: Function of an index giving a tuple of arrays.
        budget_bytes: Bytes held at most; the photograph asked for last is held whatever its size.

    Attributes:
        decodes: How often a photograph was decoded.
    """

    def __init__(self, decode: Callable[[int], tuple[np.ndarray, ...]], budget_bytes: int):
        self._decode = decode
        most = max(1, budget_bytes)
        self._held = cachetools.LRUCache(most, getsizeof=lambda arrays: min(_bytes_of(arrays), most))
        self.decodes = 0

    @property
    def held_bytes(self) -> int:
        """Bytes that the decoded photographs take."""
        return sum(map(_bytes_of, self._held.values()))

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        """The arrays of a photograph, from memory or decoded."""
        arrays = self._held.get(index)
        if arrays is None:
            arrays = self._decode(index)
            self.decodes += 1
            self._held[index] = arrays
        return arrays


def _bytes_of(arrays: tuple[np.ndarray, ...]) -> int:
    return sum(array.nbytes for array in arrays)


class CropSampler:
    """Random crops in all flips and turns: batch n is a pure function of (seed, n).

    A photograph is drawn in proportion to its area. Decoded photographs take `budget_bytes` of memory at most; where
    that holds all of them, every batch draws from all, otherwise from a sliding pool (`PhotographPool`) that moves on
    so that each photograph's pixels are cut out `reuse` times on average before it goes. Photographs smaller than a
    crop are left out; so is one that turns out to be damaged, whose place the next one takes.

    A crop that is flat, or a quarter of it black or white at the end of the range, teaches little: another place of the
    photograph is tried, two more times.

    Args:
        photographs: What to cut from.
        crop_size: Height and width of a crop in pixels.
        batch_size: Crops per batch.
        seed: Integer seed, 0 or more.
        budget_bytes: Memory for decoded photographs.
        reuse: How often a pixel is used on average each time its photograph is decoded.
        grey: Share of the crops in colour that are made grey, with three channels alike.
        rows: The crops of a batch that are cut, the others are zero: a host that trains with others needs its own
            alone. Defaults to all.
        copies: How many crops in a row are the same one, for what is done to each of them.
        turns: 8 for all flips and turns; 4 for the flips alone, in which rows stay rows, for noise with a direction.

    Attributes:
        rejected: Name to reason, of every photograph that was left out so far.

    Raises:
        InputError: If no photograph is as large as a crop, or none can be decoded.
        ValueError: If a number is not positive, or `turns` neither 8 nor 4.

    Example:
        >>> from tf_denoise.data import embedded_photographs, split
        >>> sampler = CropSampler(split(embedded_photographs(), seed=0).train, crop_size=32, batch_size=2, seed=0)
        >>> sampler.batch(5).shape
        (2, 32, 32, 3)
    """

    def __init__(
        self,
        photographs: Photographs,
        crop_size: int,
        batch_size: int,
        seed: int,
        budget_bytes: int = BUDGET_BYTES,
        reuse: float = 4.0,
        grey: float = 0.0,
        rows: range | None = None,
        copies: int = 1,
        turns: int = 8,
    ):
        self.rows = range(batch_size) if rows is None else rows
        share = finite_number(grey, most=1.0)
        if share is None:
            raise ValueError(f"`grey` is a share from 0 to 1; received {grey}.")
        self.grey = share
        if min(crop_size, batch_size, copies) < 1 or seed < 0 or not reuse > 0:
            raise ValueError(
                "A crop sampler takes crop_size, batch_size and copies of 1 or more, seed of 0 or more and reuse above "
                f"0; received crop_size={crop_size}, batch_size={batch_size}, copies={copies}, seed={seed}, "
                f"reuse={reuse}."
            )
        sides = [min(member.size) for member in photographs.members]
        large = [index for index, side in enumerate(sides) if side >= crop_size]
        if not large:
            raise InputError(
                f"No photograph is as large as a crop of {crop_size} x {crop_size} pixels: the largest has a shorter "
                f"side of {max(sides, default=0)}. Choose smaller crops or larger photographs."
            )
        self.rejected = {
            member.name: f"is smaller than a crop of {crop_size} x {crop_size} pixels"
            for member, side in zip(photographs.members, sides, strict=True)
            if side < crop_size
        }
        self.photographs = photographs.subset(large)
        self.crop_size, self.batch_size, self.seed, self.reuse = crop_size, batch_size, seed, reuse
        self.copies, self.turns = copies, one_of(turns, (8, 4), "number of turns")
        self.cache = DecodedCache(self.photographs.stored, budget_bytes)
        areas = [member.area for member in self.photographs.members]
        budget = budget_bytes // self.photographs.value_bytes
        # The photographs at both ends of the window are held whole, and some that have left it are held a while on.
        window = budget if sum(areas) <= budget else max(budget * 7 // 8 - 2 * max(areas), 0)
        self.pool = PhotographPool(areas, window, seed)
        self._damaged: set[int] = set()
        self._lock = threading.Lock()

    @property
    def paired(self) -> bool:
        """Whether a batch is `(noisy, clean)`."""
        return self.photographs.paired

    @property
    def crop_shape(self) -> tuple[int, int, int]:
        """`(crop_size, crop_size, channels)`."""
        return self.crop_size, self.crop_size, self.photographs.channels

    def batch(self, step: int) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """The crops of a step.

        Args:
            step: Number of the batch, 0 or more.

        Returns:
            Float32 `(batch_size, crop_size, crop_size, channels)` in [0, 1]; of pairs, `(noisy, clean)`, cut at the
            same place and turned alike.
        """
        step = int(step)
        random = np.random.default_rng([self.seed, _CROPS, step])
        first = np.arange(self.batch_size) // self.copies * self.copies  # of each crop, that which it is a copy of
        fractions = random.random((self.batch_size, 3))[first]
        turns = random.integers(0, 8, self.batch_size)[first]
        if self.turns == 4:
            turns &= ~QUARTER
        again = random.random((self.batch_size, _TRIES - 1, 2))[first]
        is_grey = (random.random(self.batch_size) < self.grey)[first]
        start = int(step * (self.batch_size * self.crop_size**2 / self.reuse))
        crops = tuple(np.zeros((self.batch_size, *self.crop_shape), "float32") for _ in range(1 + self.paired))
        with self._lock:
            for i, index in zip(self.rows, self.pool.draw(start, fractions[list(self.rows), 0]), strict=True):
                images = self._decoded(index)
                for place in (fractions[i, 1:], *again[i]):
                    cut = [self._cut(image, place) for image in images]
                    if not _teaches_little(cut[-1]):
                        break
                for crop, values in zip(crops, cut, strict=True):
                    shown = with_channels(values, 1) if is_grey[i] else values
                    crop[i] = to_unit(turned(shown, turns[i]))  # one channel fills them all
        return (crops[0], crops[1]) if self.paired else crops[0]

    def _cut(self, image: np.ndarray, place) -> np.ndarray:
        """The crop of an image at a place, two fractions in [0, 1), as a view."""
        side = self.crop_size
        top, left = (int(part * (whole - side + 1)) for part, whole in zip(place, image.shape, strict=False))
        return image[top : top + side, left : left + side]

    def _decoded(self, index: int) -> tuple[np.ndarray, ...]:
        """The arrays of a photograph, or of the next one that is not damaged."""
        count = len(self.photographs)
        for candidate in range(index, index + count):
            candidate %= count
            if candidate in self._damaged:
                continue
            try:
                return self.cache[candidate]
            except PictureError as error:
                self._damaged.add(candidate)
                self.rejected.setdefault(self.photographs.members[candidate].name, error.reason)
        raise InputError("No photograph can be decoded: all of them are damaged. Were the files changed or moved?")


def check_alone(sampler: CropSampler, what: str) -> None:
    """Check that a sampler cuts single photographs, not pairs.

    Raises:
        ValueError: If it does not.
    """
    if sampler.paired:
        raise ValueError(f"{what} takes a sampler of single noisy photographs, `load_folder`; received one of pairs.")


def check_turns(sampler: CropSampler, along: str) -> None:
    """Check that a sampler leaves rows rows, as what depends on the direction of the noise needs it.

    Raises:
        ValueError: If it does not.
    """
    if sampler.turns != 4:
        raise ValueError(
            f"Noise along {along} needs crops that keep its direction; give the sampler `turns=4`, the flips alone."
        )


def crop_batches(sampler: CropSampler, start_step: int = 0) -> tf.data.Dataset:
    """An endless dataset of the batches of a sampler, made ahead of the training step.

    A step that makes noise itself takes it from the stateless pair (seed, step). Under `tf.distribute` a scalar cannot
    be dealt to replicas: make the noise with `map` before the dataset is distributed.

    Args:
        sampler: Where the crops come from.
        start_step: Number of the first batch.

    Returns:
        Dataset of `(clean, step)`, or `((noisy, clean), step)` of pairs: crops float32
        `(batch_size, crop_size, crop_size, channels)` in [0, 1], step an int64 scalar.
    """
    shape = (sampler.batch_size, *sampler.crop_shape)

    def batch(step):
        crops = tf.numpy_function(sampler.batch, [step], [tf.float32] * 2 if sampler.paired else tf.float32)
        crops = tuple(tf.ensure_shape(c, shape) for c in crops) if sampler.paired else tf.ensure_shape(crops, shape)
        return crops, step

    return tf.data.Dataset.counter(start_step).map(batch, num_parallel_calls=1).prefetch(tf.data.AUTOTUNE)


def _teaches_little(crop: np.ndarray) -> bool:
    """Whether a crop `(height, width, channels)`, as stored, is flat or to a quarter at an end of the range."""
    white = 1.0 if crop.dtype.kind == "f" else np.iinfo(crop.dtype).max
    if np.count_nonzero((crop <= 0) | (crop >= white)) > crop.size / 4:
        return True
    return bool(crop.std(axis=(0, 1)).max() < _FLAT * white)
