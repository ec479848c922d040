"""Photographs known by their headers, decoded when they are wanted."""

import dataclasses
import functools
import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from tf_denoise.pictures.files import PictureError, PictureHeader, read_picture, to_unit, with_channels
from tf_denoise.pictures.stacks import read_plane


def scaled_down(image: np.ndarray, factor: int) -> np.ndarray:
    """An image of a `factor`-th of the height and width, of the same type: every pixel is the mean of a square.

    Rows and columns that fill no whole square are left out.

    Args:
        image: `(height, width, channels)`, integers or floating point.
        factor: Side of the squares, 1 or more.

    Example:
        >>> scaled_down(np.array([[[0], [2], [9]], [[4], [7], [9]]], "uint8"), 2).tolist()
        [[[3]]]
    """
    if factor == 1:
        return image
    height, width = (side // factor for side in image.shape[:2])
    squares = image[: height * factor, : width * factor].reshape(height, factor, width, factor, -1)
    mean = squares.mean(axis=(1, 3), dtype="float64" if image.dtype.kind == "f" else "float32")
    return (mean if image.dtype.kind == "f" else np.round(mean)).astype(image.dtype)


@dataclasses.dataclass(frozen=True)
class Photograph:
    """A photograph that is not decoded yet; with its noisy version if it is one of a pair.

    Attributes:
        name: Its path inside the folder.
        header: What its file says of itself.
        path: The file.
        noisy_path: The file of its noisy version.
        noisy_header: What that says.
        factor: How many times its sides are scaled down when it is decoded.
        plane: Its number in a stack, or `None` of a picture.
        noisy_plane: That of its noisy version.
    """

    name: str
    header: PictureHeader
    path: Path
    noisy_path: Path | None = None
    noisy_header: PictureHeader | None = None
    factor: int = 1
    plane: int | None = None
    noisy_plane: int | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels, once it is decoded."""
        return self.header.height // self.factor, self.header.width // self.factor

    @property
    def area(self) -> int:
        """Height times width, in pixels."""
        height, width = self.size
        return height * width


class Photographs:
    """Photographs known by their headers: nothing is held decoded.

    Made by `load_folder`, `load_pairs` and `embedded_photographs`.

    Args:
        members: The photographs.
        channels: 1 or 3, the channels that all of them are given with.
        description: One sentence that says what they are.
        rejected: Name to reason, of every file that was left out: together a sentence. The subsets of a set share it.
        parts: Name to `train`, `validation` or `test`, where the split is fixed.
    """

    def __init__(
        self,
        members: Iterable[Photograph],
        channels: int,
        description: str,
        rejected: dict[str, str] | None = None,
        parts: Mapping[str, str] | None = None,
    ):
        self.members, self.channels, self.description = tuple(members), channels, description
        self.rejected = {} if rejected is None else rejected
        self.parts = parts

    def __len__(self) -> int:
        """The number of photographs."""
        return len(self.members)

    @property
    def names(self) -> list[str]:
        """The names: paths inside the folder."""
        return [member.name for member in self.members]

    @property
    def paired(self) -> bool:
        """Whether every photograph has a noisy version."""
        return bool(self.members) and self.members[0].noisy_path is not None

    @property
    def value_bytes(self) -> int:
        """Bytes that a stored pixel takes at most, its noisy version included."""
        headers = [h for m in self.members for h in (m.header, m.noisy_header) if h is not None]
        return max(header.bits for header in headers) // 8 * self.channels * (2 if self.paired else 1)

    def stored(self, index: int) -> tuple[np.ndarray, ...]:
        """Decode a photograph: `(clean,)`, or `(noisy, clean)` of a pair, each `(height, width, channels)` as stored.

        Raises:
            PictureError: If it cannot be decoded.
        """
        member = self.members[index]
        places = [(member.path, member.plane)]
        if member.noisy_path is not None:
            places.insert(0, (member.noisy_path, member.noisy_plane))
        images = tuple(with_channels(_values(*place), self.channels) for place in places)
        expected = (member.header.height, member.header.width, self.channels)
        for (path, _), image in zip(places, images, strict=True):
            if image.shape != expected:
                raise PictureError(path, f"has changed: its shape is {image.shape} and was {expected}")
        return tuple(scaled_down(image, member.factor) for image in images)

    def photograph(self, index: int) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """A whole photograph, float32 `(height, width, channels)` in [0, 1]; of a pair, `(noisy, clean)`.

        Raises:
            PictureError: If it cannot be decoded.
        """
        images = tuple(to_unit(image) for image in self.stored(index))
        return (images[0], images[1]) if self.paired else images[0]

    def subset(self, indices: Iterable[int]) -> "Photographs":
        """Some of the photographs, in the order told."""
        members = [self.members[index] for index in indices]
        return Photographs(members, self.channels, self.description, self.rejected, self.parts)

    def reject(self, name: str, reason: str) -> None:
        """Record that a photograph is left out; the same one is recorded once."""
        self.rejected.setdefault(name, reason)

    def fingerprint(self) -> str:
        """A hash of names, sizes in pixels and sizes in bytes: what a resumed run is checked against."""
        digest = hashlib.sha256(repr(self.channels).encode())
        size_of = functools.cache(_size_of)
        for member in self.members:
            sizes = [size_of(path) for path in (member.path, member.noisy_path) if path is not None]
            scale = () if member.factor == 1 else (member.factor,)
            digest.update(repr((member.name, member.header, sizes, *scale)).encode())
        return digest.hexdigest()[:16]


def _values(path: Path, plane: int | None) -> np.ndarray:
    return read_picture(path).values if plane is None else read_plane(path, plane)


def _size_of(path: Path) -> int:
    """The bytes of a file; of a folder those of the files right in it, such as the metadata of a Zarr array."""
    if not os.path.isdir(path):
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.iterdir() if os.path.isfile(file))


def counted(photographs) -> str:
    """How many photographs there are, in words."""
    return f"{len(photographs):,} photograph{'' if len(photographs) == 1 else 's'}"
