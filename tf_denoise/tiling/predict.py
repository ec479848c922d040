"""Pictures of any size, tile by tile: the same picture as in one piece, in memory that does not grow with it."""

import contextlib
import threading
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf

from tf_denoise.checks import finite_number, whole_number
from tf_denoise.machine import memory
from tf_denoise.tiling.exact import exact_float32
from tf_denoise.tiling.geometry import Span, blend_weights, round_up, tile_spans, turned, turned_back
from tf_denoise.tiling.reach import measure_reach

OVERLAPS_IN_A_TILE = 12
"""Sides of a tile are so many overlaps by default: 84 % of the work is then kept, of a tile between others."""
LEAST_TILE, LEAST_HALVED = 512, 64
"""The smallest tile that is chosen, and the smallest that halving ends at, in pixels."""
GLOBAL_OVERLAP = 128
"""Overlap for networks that feel a cut everywhere: no overlap makes them exact, so it only has to blend."""
PIXELS_AT_ONCE = 1 << 20
"""Smaller tiles go through the network together, up to so many pixels."""
_BYTES_PER_PIXEL = 1024  # while a network runs; the default U-Net takes a quarter of it
_SHARE_OF_MEMORY = 1 / 4


def denoise_image(model, image, tile: int | None = None, overlap: int | None = None, value_range=None) -> np.ndarray:
    """Denoise a picture of any height and width, tile by tile.

    With an overlap that covers how far the network looks (by default it is measured with it, see `measure_reach`),
    the result is that of `model(picture)` in one piece to 1e-5; on a GPU to what its own results differ by.
    Networks with attention over the whole picture, such as a `ViTUNet` without windows, see a tile where they would
    see the picture; their tiles are blended.

    A grey picture for a colour network is repeated to its channels, and their mean is the result. The channels of a
    colour picture for a grey network are denoised one by one.

    Args:
        model: A Keras model of images `(batch, height, width, channels)` with sizes unknown, values in [0, 1].
        image: `(height, width)` or `(height, width, channels)`: uint8, uint16 or floating point.
        tile: Side of a tile in pixels, rounded to the stride of the network; chosen by default. Halved when memory
            runs out.
        overlap: Pixels that neighbouring tiles share, rounded up to the stride. Defaults to twice the reach, and
            at most half of a `tile` that is given.
        value_range: `(black, white)` in the values of `image`. Defaults to the whole range of an integer type, and to
            `(0, 1)` for floating point.

    Returns:
        An array of the shape and type of `image`. Integers are rounded and kept within the range; floating point is
        neither.

    Raises:
        ValueError: If the model takes no images of any size, the image is not one or does not fit the model, or the
            overlap leaves nothing of a tile.

    Example:
        >>> from tf_denoise.models import UNet
        >>> picture = np.full((70, 90, 3), 200, "uint8")
        >>> denoise_image(UNet(widths=(4, 8)), picture, tile=48).dtype
        dtype('uint8')
    """
    return TiledDenoiser(model, tile, overlap)(image, value_range)


class TiledDenoiser:
    """`denoise_image` for many pictures: the network is compiled and measured once. Several threads may call it.

    Args:
        model: As for `denoise_image`.
        tile: As for `denoise_image`.
        overlap: As for `denoise_image`.
        strength: From 0 to 1: the share of the network's output in the result, the rest is the noisy picture.
        ensemble: 8 takes the mean over the eight flips and turns of the picture, 1 the picture as it is.

    Raises:
        ValueError: If the model takes no images of any size, or another argument is not what it should be.

    Attributes:
        channels: Channels of the network.
        stride: Tiles start at multiples of it: the network's attribute `stride`, or 32.
    """

    def __init__(
        self,
        model,
        tile: int | None = None,
        overlap: int | None = None,
        *,
        strength: float = 1.0,
        ensemble: int = 1,
    ):
        shape = getattr(model, "input_shape", None)
        if not isinstance(shape, tuple) or len(shape) != 4 or shape[1:3] != (None, None):
            raise ValueError(
                "Pictures of any size need a network with one input (batch, height, width, channels), height and width "
                f"unknown; received {getattr(model, 'name', model)!r} with input {shape}."
            )
        for name, value, least in (("tile", tile, 1), ("overlap", overlap, 0)):
            if value is not None and whole_number(value, least) is None:
                raise ValueError(f"{name} is an integer of at least {least}; received {value!r}.")
        share = finite_number(strength, most=1.0)
        if share is None:
            raise ValueError(f"strength lies in 0..1; received {strength!r}.")
        if ensemble not in (1, 8):
            raise ValueError(f"ensemble is 1, or 8 for all flips and turns; received {ensemble!r}.")
        self.strength, self.ensemble = share, ensemble
        self.channels, self.stride = shape[-1], getattr(model, "stride", 32)
        _check_size_is_kept(model, (1, 2 * self.stride, 2 * self.stride, self.channels))
        self._tile, self._overlap, self._measured = tile, overlap, False
        self._reach: int | None = None
        self._lock = threading.Lock()  # the first of several threads measures, the others wait for it
        signature = [tf.TensorSpec((None, None, None, self.channels), tf.float32)]
        self._predict = tf.function(lambda images: model(images, training=False), input_signature=signature)

    @property
    def reach(self) -> int | None:
        """How far a cut is felt, in pixels; `None`: everywhere."""
        with self._lock:
            if not self._measured:
                with exact_float32():
                    self._reach = measure_reach(lambda x: self._predict(x).numpy(), self.channels, self.stride)
                self._measured = True
        return self._reach

    @property
    def overlap(self) -> int:
        """Pixels that neighbouring tiles share."""
        if self._overlap is not None:
            return self._overlap
        overlap = GLOBAL_OVERLAP if self.reach is None else 2 * self.reach
        if self._tile is not None:
            overlap = min(overlap, self._tile // 2 // self.stride * self.stride)
        return round_up(overlap, self.stride)

    @property
    def tile(self) -> int:
        """Side of a tile in pixels: for a given network and machine always the same."""
        if self._tile is not None:
            return max(self._tile, self.stride)
        affordable = int((memory() * _SHARE_OF_MEMORY / _BYTES_PER_PIXEL) ** 0.5)
        side = min(max(LEAST_TILE, OVERLAPS_IN_A_TILE * self.overlap), max(affordable, 2 * self.overlap))
        return round_up(side, self.stride)

    def check_tiles(self) -> None:
        """Refuse an overlap that leaves nothing of a tile, and a tile without room for any, before there is a picture.

        Raises:
            ValueError: If it does, or has none.
        """
        is_small = self._tile is not None and self._overlap is None and self._tile < 2 * self.stride
        if is_small and self.reach != 0:
            raise ValueError(
                f"A tile of {self._tile} pixels has no room for an overlap; expected {2 * self.stride} or more, or an "
                "overlap of 0 to have seams."
            )
        if self._tile is not None or self._overlap is not None:
            tile_spans(self.tile + 1, self.tile, self.overlap, self.stride)

    def __call__(self, image, value_range=None, on_progress: Callable[[int], None] | None = None) -> np.ndarray:
        """Denoise one picture.

        Args:
            image: As for `denoise_image`.
            value_range: As for `denoise_image`.
            on_progress: Called with the number of pixels that were finished since it was called last, negative when
                they are to be done again. What it raises ends the work.
        """
        image = np.asarray(image)
        pixels = image[..., None] if image.ndim == 2 else image
        low, high = self._checked(pixels, value_range)
        on_progress = on_progress or (lambda count: None)
        with exact_float32():
            return self._whole(pixels, low, high, on_progress).reshape(image.shape)

    def _whole(self, pixels: np.ndarray, low: float, high: float, on_progress: Callable[[int], None]) -> np.ndarray:
        """The picture from its tiles, which are made smaller as long as the memory does not hold them."""
        if max(pixels.shape[:2]) <= LEAST_TILE and self._tile is None:
            tile, overlap = LEAST_TILE, 0  # one tile, nothing to measure
        else:
            tile, overlap = self.tile, self.overlap
        at_once = PIXELS_AT_ONCE
        while True:
            done = 0
            result = np.empty_like(pixels, order="C")
            try:
                for rows, columns, values in self._tiles(pixels, tile, overlap, at_once, low, high):
                    result[rows, columns] = _restored(values, low, high, pixels.dtype)
                    done += values.shape[0] * values.shape[1]
                    on_progress(values.shape[0] * values.shape[1])
                return result
            except (tf.errors.ResourceExhaustedError, MemoryError) as error:
                on_progress(-done)
                tile, overlap, at_once = self._smaller(tile, overlap, at_once, pixels.shape, error)

    def _smaller(self, tile: int, overlap: int, at_once: int, shape, error) -> tuple[int, int, int]:
        """Half as much at a time: fewer tiles together, then smaller ones."""
        if at_once >= 2 * tile**2:
            return tile, overlap, at_once // 2
        tile = round_up(min(tile, max(shape[:2])) // 2, self.stride)
        if tile < max(LEAST_HALVED, 2 * self.stride):
            raise MemoryError(f"The memory does not even hold a tile of {2 * tile} x {2 * tile} pixels.") from error
        return tile, min(overlap or self.overlap, tile // 2 // self.stride * self.stride), at_once

    def _checked(self, pixels: np.ndarray, value_range) -> tuple[float, float]:
        """The values of black and white."""
        if pixels.ndim != 3 or not pixels.size:
            raise ValueError(
                f"A picture is (height, width) or (height, width, channels) and not empty; received {pixels.shape}."
            )
        if pixels.shape[-1] != self.channels and {pixels.shape[-1], self.channels} != {1, 3}:
            raise ValueError(
                f"The network takes pictures of {self.channels} channels (grey ones for colour, and the reverse, are "
                f"taken too); received {pixels.shape[-1]}."
            )
        if value_range is None and pixels.dtype in ("uint8", "uint16"):
            return 0.0, float(np.iinfo(pixels.dtype).max)
        if pixels.dtype.kind not in "fui":
            raise ValueError(f"A picture is of integers or floating point; received {pixels.dtype}.")
        if value_range is not None:
            low, high = map(float, value_range)
            if not low < high:
                raise ValueError(f"value_range is (black, white), black below white; received {value_range}.")
            return low, high
        least, most = float(pixels.min()), float(pixels.max())
        if pixels.dtype.kind != "f" or not (least >= -8 and most <= 8):  # noise leads beyond 0 and 1, not that far
            raise ValueError(
                f"A picture of {pixels.dtype} has values in [0, 1], or a value_range=(black, white) that says "
                f"otherwise; received values from {least:g} to {most:g}."
            )
        return 0.0, 1.0

    def _tiles(self, pixels, tile, overlap, at_once, low, high) -> Iterator[tuple[slice, slice, np.ndarray]]:
        """Finished parts of the picture: rows, columns, values `(height, width, channels)` in [0, 1].

        A tile finishes what no later tile reaches. The rest waits: `right` for the next tile of the row, `below` for
        the next row.
        """
        height, width, channels = pixels.shape
        row_spans, column_spans = (tile_spans(size, tile, overlap, self.stride) for size in (height, width))
        margin = 0 if len(row_spans) == len(column_spans) == 1 else self._margin(round_up(overlap, self.stride))
        row_weights, column_weights = (blend_weights(spans, margin) for spans in (row_spans, column_spans))
        next_rows, next_columns = (
            [span.start for span in spans[1:]] + [size] for spans, size in ((row_spans, height), (column_spans, width))
        )
        below = np.zeros((0, width, channels), "float32")
        for rows, row_weight, next_row in zip(row_spans, row_weights, next_rows, strict=True):
            right = np.zeros((rows.stop - rows.start, 0, channels), "float32")
            waiting = np.zeros((rows.stop - next_row, width, channels), "float32")
            outputs = self._outputs(pixels, rows, column_spans, at_once, low, high)
            for columns, column_weight, next_column, values in zip(
                column_spans, column_weights, next_columns, outputs, strict=True
            ):
                values = values * (row_weight[:, None, None] * column_weight[:, None])
                shared = right.shape[1]
                values[:, :shared] += right
                values[: len(below), shared:] += below[:, columns.start + shared : columns.stop]
                done_rows, done_columns = next_row - rows.start, next_column - columns.start
                yield (
                    slice(rows.start, next_row),
                    slice(columns.start, next_column),
                    values[:done_rows, :done_columns],
                )
                right = values[:, done_columns:]
                waiting[:, columns.start : next_column] = values[done_rows:, :done_columns]
            below = waiting

    def _margin(self, overlap: int) -> int:
        """Pixels at a cut that are not to be trusted; of an overlap shorter than two reaches the inner half is."""
        return self.reach if self.reach is not None and 2 * self.reach <= overlap else overlap // 4

    def _outputs(self, pixels, rows: Span, column_spans, at_once, low, high) -> Iterator[np.ndarray]:
        """The network's output for each tile of a row, several computed together."""
        height = rows.stop - rows.start
        waiting: list[np.ndarray] = []
        for index, columns in enumerate(column_spans):
            values = pixels[slice(*rows), slice(*columns)]
            waiting.append((values.astype("float32") - np.float32(low)) / np.float32(high - low))
            following = column_spans[index + 1] if index + 1 < len(column_spans) else None
            is_last = following is None or following.stop - following.start != columns.stop - columns.start
            if is_last or (len(waiting) + 1) * height * (columns.stop - columns.start) > at_once:
                yield from self._denoised(np.stack(waiting))
                waiting = []

    def _denoised(self, images: np.ndarray) -> np.ndarray:
        """The output for a batch of images of 1 channel, 3, or as many as the network has."""
        if self.strength == 0:
            return images
        output = self._with_channels(images)
        return output if self.strength == 1 else self.strength * output + (1 - self.strength) * images

    def _with_channels(self, images: np.ndarray) -> np.ndarray:
        channels = images.shape[-1]
        if channels == self.channels:
            return self._averaged(images)
        if channels == 1:
            return self._averaged(np.repeat(images, self.channels, axis=-1)).mean(axis=-1, keepdims=True)
        planes = [self._averaged(images[..., channel : channel + 1]) for channel in range(channels)]
        return np.concatenate(planes, axis=-1)

    def _averaged(self, images: np.ndarray) -> np.ndarray:
        """The output for images of the network's channels, the mean over their flips and turns."""
        if self.ensemble == 1:
            return self._output(images)
        height, width = images.shape[1:3]
        # Filled up before they are turned, as the network fills them up: so the strides of all tiles fall together.
        fill = [(0, -side % self.stride) for side in (height, width)]
        filled = np.pad(images, [(0, 0), *fill, (0, 0)], mode="edge")
        total = np.zeros(filled.shape, "float32")
        for turn in range(self.ensemble):
            total += turned_back(self._output(np.ascontiguousarray(turned(filled, turn))), turn)
        return total[:, :height, :width] / self.ensemble

    def _output(self, images: np.ndarray) -> np.ndarray:
        output = self._predict(images)
        _check_shape(tuple(output.shape) if isinstance(output, tf.Tensor) else type(output).__name__, images.shape)
        return output.numpy()


def _check_size_is_kept(model, shape: tuple[int, ...]) -> None:
    """Refuse a network whose output is not of the shape of its input, as far as it tells before there is a picture."""
    with contextlib.suppress(NotImplementedError, TypeError):  # one of a kind of its own, that does not tell
        _check_shape(model.compute_output_shape(shape), shape)


def _check_shape(found, shape: tuple[int, ...]) -> None:
    known = isinstance(found, tuple) and len(found) == 4
    if not known or any(side not in (None, expected) for side, expected in zip(found, shape, strict=True)):
        raise ValueError(
            f"Pictures need a network whose output has the shape of its input; it makes {found} of {shape}."
        )


def _restored(values: np.ndarray, low: float, high: float, dtype) -> np.ndarray:
    """Values in [0, 1] as those of a picture.

    Raises:
        ValueError: If the network gave NaN or infinity.
    """
    if not np.isfinite(values).all():
        raise ValueError(
            "The output of the network is NaN or infinite in places; expected numbers from 0 to 1: choose another "
            "network."
        )
    if dtype.kind == "f":
        return values * (high - low) + low
    return np.round(np.clip(values, 0, 1) * (high - low) + low)
