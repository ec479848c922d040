"""The photographs of a run: crops to train on, whole pictures to validate and to test on."""

import functools
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tf_denoise.data.batches import noisy_crops
from tf_denoise.data.changes import read_record
from tf_denoise.data.crops import CropSampler
from tf_denoise.data.noisy_pair import NoisyPair
from tf_denoise.data.photographs import Photographs
from tf_denoise.data.shares import WHOLE, Share
from tf_denoise.data.sources import embedded_photographs, load_folder, load_next_planes, load_pairs
from tf_denoise.data.splits import split
from tf_denoise.errors import InputError, printable
from tf_denoise.paths import real_path
from tf_denoise.pictures.files import PictureError
from tf_denoise.runs.writing import write_json
from tf_denoise.seeds import derive_seed

DATA_FILE = "data.json"
MOST_PICTURES = {"validation": 24, "test": 100}
"""Photographs that are taken to validate and to test on; of more, these many spread evenly over them."""
LARGEST_SIDE = 512
"""Of larger photographs the centre is taken: they are held in memory, and scored at every noise level."""


class Parts:
    """Training, validation and test photographs.

    Args:
        data: A folder of clean photographs, or `embedded`.
        clean: With `noisy`: a folder of clean photographs whose noisy partners lie in the other; takes the place of
            `data`.
        noisy: With `clean`: the folder of their noisy partners.
        validation: A folder of photographs to validate on; defaults to a tenth of the others.
        test: A folder of photographs to test on; defaults to a tenth of the others.
        seed: Decides the split, and the noise of the pictures to validate and to test on.
        crop_size: Side of the training crops in pixels.
        batch_size: Crops per training step.
        memory: Megabytes of decoded training photographs to hold.
        scale_down: Clean photographs with a longer side than this are scaled down by a whole number when they are
            decoded.
        grey: Share of the training crops in colour that are made grey.
        channels: 1 or 3; defaults to 3, or to 1 if all photographs are grey.
        next_plane: `data` is a folder of noisy stacks, whose neighbouring planes are twins.
        share: The part of each batch that this host cuts; defaults to all of it.

    Attributes:
        channels: 1 or 3.
        next_plane: The argument.
        parts: Photographs by `train`, `validation` and `test`.
        description: One sentence that says what they are.

    Raises:
        InputError: If a folder does not hold what it should.
    """

    def __init__(
        self,
        *,
        data: str | Path = "embedded",
        clean: str | Path | None = None,
        noisy: str | Path | None = None,
        validation: str | Path | None = None,
        test: str | Path | None = None,
        seed: int = 0,
        crop_size: int = 96,
        batch_size: int = 16,
        memory: int = 512,
        scale_down: int | None = None,
        grey: float = 0.0,
        channels: int | None = None,
        next_plane: bool = False,
        share: Share = WHOLE,
    ):
        self.grey, self.next_plane, self.share = grey, next_plane, share
        self.seed, self.crop_size, self.batch_size, self.memory = seed, crop_size, batch_size, memory
        photographs = (
            load_next_planes(data, channels) if next_plane else _load(data, clean, noisy, scale_down, channels)
        )
        self.channels = photographs.channels
        folders = {"validation": validation, "test": test}
        shares = {part: 0.0 if folder else 0.1 for part, folder in folders.items()}
        self.parts = split(photographs, derive_seed(seed, "split"), **shares)._asdict()
        self.description = photographs.description
        for part, folder in folders.items():
            if folder:
                self.parts[part] = load_folder(Path(folder), self.channels, longest_side=scale_down)
                self.description += f"; {self.parts[part].description} for {part}"
        self._refuse_overlap()
        self._leave_out_small()
        self._latest: CropSampler | None = None
        self._left_out: dict[str, str] = {}  # by the samplers before

    def _refuse_overlap(self) -> None:
        seen: dict[tuple[Path, int | None], str] = {}
        resolved = functools.cache(real_path)
        for part, photographs in self.parts.items():
            for member in photographs.members:
                other = seen.setdefault((resolved(member.path), member.plane), part)
                if other != part:
                    raise InputError(
                        f"{member.path} stands among the photographs of {other} and of {part}; no photograph is in two "
                        "parts: name folders that do not overlap."
                    )

    def _leave_out_small(self) -> None:
        """Leave out training photographs that are smaller than a crop."""
        train, side = self.parts["train"], self.crop_size
        large = [i for i, member in enumerate(train.members) if min(member.size) >= side]
        kept = set(large)
        small = [member.name for i, member in enumerate(train.members) if i not in kept]
        if len(small) > 0.1 * len(train):
            raise InputError(
                f"{len(small):,} of the {len(train):,} photographs to train on are smaller than a crop of {side} x "
                f"{side} pixels, such as {small[0]}, and at most a tenth may be: choose smaller crops or larger "
                "photographs."
            )
        for name in small:
            train.reject(name, f"is smaller than a crop of {side} x {side} pixels")
        self.parts["train"] = train.subset(large)

    def fingerprint(self) -> str:
        """A hash of the files, against which a resumed run is checked."""
        return "-".join(part.fingerprint() for part in self.parts.values())

    def record(self) -> dict:
        """What the run folder keeps: description, names, and the files that were skipped with the reason."""
        rejected: dict[str, str] = {}
        for photographs in self.parts.values():
            rejected |= photographs.rejected
        rejected |= self._left_out | (self._latest.rejected if self._latest else {})
        names = {part: photographs.names for part, photographs in self.parts.items()}
        return {"description": self.description, **names, "skipped": sorted(rejected.items())}

    def write_record(self, folder: Path) -> dict:
        """Write `data.json` into a run folder, with the files skipped by earlier processes too; the record."""
        path, record = folder / DATA_FILE, self.record()
        if os.path.exists(path):
            record["skipped"] = sorted(
                {**dict(read_record(path).get("skipped", [])), **dict(record["skipped"])}.items()
            )
        write_json(path, record)
        return record

    def training_pairs(self, noise, seed: int, start_step: int = 0) -> tf.data.Dataset:
        """The endless batches `(noisy, clean)`; a batch depends on (seed, step) alone.

        Args:
            noise: A noise layer; pairs bring their own.
            seed: Integer seed of crops and noise.
            start_step: Number of the first batch.
        """
        sampler = self.sampler(seed)
        sampler.batch(start_step)  # where it cannot, its sentence is lost within the dataset
        return noisy_crops(sampler, noise, start_step)

    def sampler(self, seed: int, copies: int = 1, turns: int = 8) -> CropSampler:
        """The sampler of a seed; the same again, with what it holds decoded, as long as the arguments stay.

        Args:
            seed: Decides the crops.
            copies: How many crops in a row are the same one.
            turns: 8 for all flips and turns, 4 for those in which rows stay rows.
        """
        latest = self._latest
        if latest is None or (latest.seed, latest.copies, latest.turns) != (seed, copies, turns):
            self._left_out |= self._latest.rejected if self._latest else {}
            self._latest = CropSampler(
                self.parts["train"],
                self.crop_size,
                self.batch_size,
                seed,
                budget_bytes=self.memory * 2**20,
                grey=self.grey,
                rows=self.share.rows(self.batch_size),
                copies=copies,
                turns=turns,
            )
        return self._latest

    def pictures(self, part: str, ladder: Mapping[float | None, keras.layers.Layer | None]) -> list[NoisyPair]:
        """Whole photographs to validate or to test on, each at every level, with noise that is always the same.

        Clean pixels are held once; noise is made when it is asked for.

        Args:
            part: `validation` or `test`.
            ladder: Noise layers by level in 255ths, as `tf_denoise.noise.ladder.noise_ladder` gives them. Pairs bring
                their own noise, and take the ladder for its level alone.

        Returns:
            The levels of the first photograph, then those of the next; at most 24 photographs to validate and 100 to
            test on.

        Raises:
            InputError: If no photograph of the part can be decoded.
        """
        pictures = []
        for name, noisy, clean in self.decoded(part):
            for level, noise in ladder.items():
                words = (part, name) if level is None else (part, name, level)
                make = functools.partial(make_noisy, clean, noise, derive_seed(self.seed, *words))
                pictures.append(NoisyPair(printable(name), clean, make if noisy is None else noisy, level))
        return pictures

    def check(self, part: str) -> None:
        """Refuse a part of which no photograph can be decoded; the first that can is enough.

        Raises:
            InputError: If there is none.
        """
        next(self.decoded(part))

    def decoded(self, part: str) -> Iterator[tuple[str, np.ndarray | None, np.ndarray]]:
        """The photographs of a part that are taken and can be decoded.

        Args:
            part: `validation` or `test`.

        Yields:
            Name, noisy pixels of a pair or `None`, and clean pixels.

        Raises:
            InputError: If there is none.
        """
        photographs, name = self.parts[part], ""
        count, decoded = len(photographs), 0
        for index in np.unique(np.linspace(0, count - 1, min(count, MOST_PICTURES[part])).astype(int)):
            name = photographs.members[index].name
            try:
                values = photographs.photograph(index)
            except PictureError as error:
                photographs.reject(name, error.reason)
                continue
            decoded += 1
            noisy, clean = values if photographs.paired else (None, values)
            yield name, None if noisy is None else _centre(noisy), _centre(clean)
        if not decoded:
            purpose = {"validation": "validate", "test": "test"}[part]
            raise InputError(f"No photograph to {purpose} on can be decoded: {name} {photographs.rejected[name]}.")


def make_noisy(clean: np.ndarray, noise: keras.layers.Layer, seed: int) -> np.ndarray:
    """An image `(height, width, channels)` with the noise of that seed."""
    return noise.corrupt(tf.constant(clean[None]), tf.constant([seed, 0], tf.int64))[0].numpy()


def _load(
    data: str | Path,
    clean: str | Path | None,
    noisy: str | Path | None,
    scale_down: int | None,
    channels: int | None,
) -> Photographs:
    if clean is not None:
        return load_pairs(Path(clean), noisy, channels)
    if data == "embedded":
        return embedded_photographs(channels)
    return load_folder(Path(data), channels, longest_side=scale_down)


def _centre(image: np.ndarray) -> np.ndarray:
    """The middle of an image, copied so that what is around it need not be held."""
    starts = [max(0, side - LARGEST_SIDE) // 2 for side in image.shape[:2]]
    return image[starts[0] :, starts[1] :][:LARGEST_SIDE, :LARGEST_SIDE].copy()
