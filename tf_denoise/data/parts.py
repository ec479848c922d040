"""The photographs of a run: crops to train on, whole pictures to validate and to test on."""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tf_denoise.data import CropSampler, Photographs, embedded_photographs, load_folder, load_pairs, noisy_crops, split
from tf_denoise.data.noisy_pair import NoisyPair
from tf_denoise.errors import InputError
from tf_denoise.noise import AdditiveGaussian, PoissonGaussian, SaltAndPepper
from tf_denoise.pictures.files import PictureError
from tf_denoise.runs.folder import read_json, write_json
from tf_denoise.seeds import derive_seed

DATA_FILE = "data.json"
MOST_PICTURES = {"validation": 8, "test": 40}
"""Pictures that are held to validate and to test on; of more, these many spread evenly over them."""
LARGEST_SIDE = 640
"""Of larger pictures the centre is taken: they are held whole in memory, with and without noise."""


def make_noise(config: Any, sigma: float | None = None):
    """The noise layer of a configuration; with `sigma`, in 255ths, the same noise of that one deviation."""
    if config.noise == "salt_and_pepper":
        return SaltAndPepper(config.level / 100, low=0.0, high=1.0)
    deviations = [value / 255 for value in (config.sigma if sigma is None else [sigma])]
    deviation = deviations[0] if len(deviations) == 1 else tuple(deviations)
    if config.noise == "poisson_gaussian":
        return PoissonGaussian(1 / config.photons, deviation)
    return AdditiveGaussian(deviation)


class TextureData:
    """Training, validation and test photographs of a configuration.

    Args:
        config: The configuration, with the options of `python -m training.textures` as attributes.

    Attributes:
        channels: 1 or 3.
        parts: Photographs by `train`, `validation` and `test`.

    Raises:
        InputError: If a folder does not hold what it should.
    """

    def __init__(self, config: Any):
        self.config = config
        photographs = _load(config)
        self.channels = photographs.channels
        shares = {part: 0.0 if getattr(config, part) else 0.1 for part in ("validation", "test")}
        self.parts = split(photographs, derive_seed(config.seed, "split"), **shares)._asdict()
        self.description = photographs.description
        for part in ("validation", "test"):
            if folder := getattr(config, part):
                self.parts[part] = load_folder(folder, self.channels)
                self.description += f"; {self.parts[part].description} for {part}"
        self._refuse_overlap()
        self._leave_out_small()
        self._latest: CropSampler | None = None
        self._left_out: dict[str, str] = {}  # by the samplers before

    def _refuse_overlap(self) -> None:
        seen = {}
        for part, photographs in self.parts.items():
            for member in photographs.members:
                other = seen.setdefault(member.path.resolve(), part)
                if other != part:
                    raise InputError(
                        f"{member.path} stands among the photographs of {other} and of {part}; no photograph is in two "
                        "parts: name folders that do not overlap."
                    )

    def _leave_out_small(self) -> None:
        """Leave out training photographs that are smaller than a crop."""
        train, side = self.parts["train"], self.config.crop_size
        large = [i for i, member in enumerate(train.members) if min(member.header.height, member.header.width) >= side]
        small = [m.name for m in train.members if min(m.header.height, m.header.width) < side]
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
        rejected = {}
        for photographs in self.parts.values():
            rejected |= photographs.rejected
        rejected |= self._left_out | (self._latest.rejected if self._latest else {})
        names = {part: photographs.names for part, photographs in self.parts.items()}
        return {"description": self.description, **names, "skipped": sorted(rejected.items())}

    def write_record(self, folder: Path) -> dict:
        """Write `data.json` into a run folder, with the files skipped by earlier processes too; the record."""
        path, record = folder / DATA_FILE, self.record()
        if path.exists():
            record["skipped"] = sorted({**dict(read_json(path)["skipped"]), **dict(record["skipped"])}.items())
        write_json(path, record)
        return record

    def training_pairs(self, noise, seed: int, start_step: int = 0) -> tf.data.Dataset:
        """The endless batches `(noisy, clean)`; a batch depends on (seed, step) alone.

        Args:
            noise: A noise layer; pairs bring their own.
            seed: Integer seed of crops and noise.
            start_step: Number of the first batch.
        """
        sampler = self._sampler(seed)
        sampler.batch(start_step)  # where it cannot, its sentence is lost within the dataset
        return noisy_crops(sampler, noise, start_step)

    def _sampler(self, seed: int) -> CropSampler:
        """The sampler of a seed; the same again, with what it holds decoded, as long as the seed stays."""
        config = self.config
        if self._latest is None or self._latest.seed != seed:
            self._left_out |= self._latest.rejected if self._latest else {}
            self._latest = CropSampler(
                self.parts["train"], config.crop_size, config.batch_size, seed, budget_bytes=config.memory * 2**20
            )
        return self._latest

    def pictures(self, part: str, noise) -> list[NoisyPair]:
        """Whole pictures to validate or to test on, each with noise that is always the same.

        Args:
            part: `validation` or `test`.
            noise: A noise layer; pairs bring their own.
        """
        photographs = self.parts[part]
        chosen = np.unique(np.linspace(0, len(photographs) - 1, min(len(photographs), MOST_PICTURES[part])).astype(int))
        pictures = []
        for index in chosen:
            name = photographs.names[index]
            try:
                values = photographs.photograph(index)
            except PictureError as error:
                photographs.reject(name, error.reason)
                continue
            noisy, clean = (_centre(image) for image in (values if photographs.paired else (values, values)))
            if not photographs.paired:
                noisy = make_noisy(clean, noise, derive_seed(self.config.seed, part, name))
            pictures.append(NoisyPair(name, clean, noisy))
        if not pictures:
            purpose = {"validation": "validate", "test": "test"}[part]
            raise InputError(f"No photograph to {purpose} on can be decoded: {name} {photographs.rejected[name]}.")
        return pictures


def make_noisy(clean: np.ndarray, noise, seed: int) -> np.ndarray:
    """An image `(height, width, channels)` with the noise of that seed."""
    return noise.corrupt(tf.constant(clean[None]), tf.constant([seed, 0], tf.int64))[0].numpy()


def _load(config: Any) -> Photographs:
    if config.clean is not None:
        return load_pairs(config.clean, config.noisy)
    return embedded_photographs() if config.data == "embedded" else load_folder(Path(config.data))


def _centre(image: np.ndarray) -> np.ndarray:
    starts = [max(0, side - LARGEST_SIDE) // 2 for side in image.shape[:2]]
    return image[starts[0] :, starts[1] :][:LARGEST_SIDE, :LARGEST_SIDE]
