"""A range for each value of a denoised picture, such that on average 90 % of a picture's values lie in theirs."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tf_denoise.errors import InputError
from tf_denoise.models.base import in_dtype
from tf_denoise.models.fingerprint import fingerprint
from tf_denoise.presets.catalogue import intervals_file
from tf_denoise.runs.halves import halve_weights
from tf_denoise.runs.loading import LoadedNetwork, load_file
from tf_denoise.runs.writing import atomic_path
from tf_denoise.tiling import TiledDenoiser
from tf_denoise.uncertainty.head import IntervalHead

SHARE = 0.9
"""Of the values of a picture lie in their intervals, on average over pictures like those of the calibration."""


class Intervals:
    """The intervals of what a network makes of pictures, by a calibrated head.

    They hold for what the network gives by itself, not for a blend with the noisy picture. That 90 % of the values lie
    in them holds on average over pictures: it may be fewer in one picture, or in all of its dark places.

    Args:
        head: A head that was trained and calibrated for `network`.
        network: The denoiser.

    Raises:
        InputError: If the head belongs to another network, or is not calibrated.

    Example:
        >>> from tf_denoise.models import UNet
        >>> network = UNet(1, widths=(4, 8))
        >>> intervals = Intervals(IntervalHead(1, 8, denoiser=fingerprint(network), scale=1.5), network)
        >>> noisy = np.random.default_rng(0).random((20, 30, 1)).astype("float32")
        >>> intervals.half_width(noisy, network(noisy[None])[0].numpy()).shape
        (20, 30, 1)
    """

    def __init__(self, head: IntervalHead, network: keras.Model):
        if not isinstance(head, IntervalHead):
            raise InputError(
                f"{getattr(head, 'name', head)} is a {type(head).__name__}, not the head of intervals; python -m "
                "training.intervals writes one."
            )
        found = fingerprint(network)
        if head.denoiser != found:
            raise InputError(
                f"The intervals were made for a network of fingerprint {head.denoiser}, and this one is {found}: "
                "another, or trained on since. Make new ones: python -m training.intervals."
            )
        if head.scale is None:
            raise InputError("The head of these intervals is not calibrated: python -m training.intervals does it.")
        self.head: Any = in_dtype(head, "float32")
        self._tiled = head_in_tiles(self.head)

    @classmethod
    def load(cls, path: str | Path, network: keras.Model) -> "Intervals":
        """The intervals of a file, for the network that they were made for.

        Raises:
            InputError: If the file is none of a head, or it belongs to another network.
        """
        return cls(load_file(Path(path)), network)

    def save(self, path: str | Path) -> Path:
        """Write one file, `NAME.keras`, with the weights in half precision.

        Raises:
            InputError: If the name ends otherwise.
        """
        return save_head(self.head, Path(path))

    @property
    def scale(self) -> float:
        """What the widths of the head are multiplied by."""
        return self.head.scale

    @property
    def record(self) -> dict[str, Any]:
        """What is known of training, calibration and coverage."""
        return self.head.record

    @property
    def in_words(self) -> str:
        """What they promise, and what was measured of it."""
        text = f"{SHARE:.0%} of a picture's values, on average over pictures like those of the calibration"
        measured = self.record.get("coverage")
        if not measured:
            return text
        whole = measured[0]
        between = "" if whole["low"] is None else f" ({100 * whole['low']:.1f} to {100 * whole['high']:.1f})"
        return f"{text}; measured on {whole['pictures']} others: {100 * whole['coverage']:.1f} %{between}"

    def widths(self, image, denoised) -> tuple[np.ndarray, np.ndarray]:
        """How far the intervals reach below and above the denoised values.

        Args:
            image: The noisy picture, `(height, width)` or `(height, width, channels)`, uint8, uint16, or floating point
                with white at 1; of any size, as it goes through the head in tiles.
            denoised: What the network made of it, in the same values.

        Returns:
            Two float32 arrays of the shape of `image`, with white at 1.

        Raises:
            ValueError: If the two differ in shape, or do not fit the network.
        """
        noisy, output = _as_shares(image), _as_shares(denoised)
        if noisy.shape != output.shape or noisy.ndim not in (2, 3):
            raise ValueError(
                "Noisy and denoised picture have one shape, (height, width) or (height, width, channels); received "
                f"{noisy.shape} and {output.shape}."
            )
        flat = noisy.ndim == 2
        pair = [picture[..., None] if flat else picture for picture in (noisy, output)]
        channels, own = pair[0].shape[-1], self.head.channels
        if channels == own:
            found = self._tiled(np.concatenate(pair, axis=-1))
        elif channels == 1:
            found = self._tiled(np.concatenate([picture.repeat(own, axis=-1) for picture in pair], axis=-1))
            found = found.reshape(*found.shape[:2], 2, own).mean(axis=-1)
        elif own == 1:
            planes = [self._tiled(np.stack([one[..., c] for one in pair], axis=-1)) for c in range(channels)]
            found = np.concatenate([plane[..., end : end + 1] for end in (0, 1) for plane in planes], axis=-1)
        else:
            raise ValueError(f"The network takes pictures of {own} channels; received {channels}.")
        below, above = (np.float32(self.scale) * part.reshape(noisy.shape) for part in np.split(found, 2, axis=-1))
        return below, above

    def half_width(self, image, denoised) -> np.ndarray:
        """Half the width of the interval of each value, float32, with white at 1. Arguments as in `widths`."""
        below, above = self.widths(image, denoised)
        return (below + above) / 2

    def bounds(self, image, denoised) -> tuple[np.ndarray, np.ndarray]:
        """Both ends of the interval of each value, float32, with white at 1, not clipped. Arguments as in `widths`."""
        below, above = self.widths(image, denoised)
        values = _as_shares(denoised)
        return values - below, values + above


def find_intervals(loaded: LoadedNetwork) -> Intervals | None:
    """The intervals of a network that was loaded, from the file beside it; `None` where there is none.

    Raises:
        InputError: If the file is damaged, or of another network.
    """
    if loaded.file is None or not os.path.exists(intervals_file(loaded.file)):
        return None
    return Intervals.load(intervals_file(loaded.file), loaded.model)


def head_in_tiles(head: IntervalHead) -> Callable[[np.ndarray], np.ndarray]:
    """A head, not scaled, as a function of one picture `(height, width, 2 * channels)` of any size, with white at 1.

    A denoised value may lie far outside the range, and is none the worse for that here.
    """
    tiled = TiledDenoiser(head)
    return lambda stacked: tiled(stacked, value_range=(0.0, 1.0))


def save_head(head: IntervalHead, path: Path) -> Path:
    """Write a head as one file, with its weights in half precision.

    Raises:
        InputError: If the name does not end in `.keras`.
    """
    if path.suffix != ".keras":
        raise InputError(f"The name of a head's file ends in .keras; received {path}.")
    with atomic_path(path) as temporary:
        head.save(temporary)
        halve_weights(temporary)
    return path


def _as_shares(picture) -> np.ndarray:
    """Values as shares of white, float32."""
    picture = np.asarray(picture)
    white = np.iinfo(picture.dtype).max if picture.dtype.kind == "u" else 1
    return picture.astype("float32") / np.float32(white)
