"""Clean images from a folder or from pairs, and what tells whether one has changed."""

import collections
import hashlib
import itertools
import os
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tf_denoise.pictures.files import DECODABLE, find_pictures, read_picture, shown, to_unit


class Fingerprint(NamedTuple):
    """By what an image is known again: its size in bytes, the time of its last change and the hash of its bytes.

    Of an array in memory the hash is a checksum: a strong hash would take as long as the scoring.
    """

    size: int
    changed: int
    digest: str


def read_image(path) -> np.ndarray:
    """A picture file as float32 `(height, width, 1 or 3)` in [0, 1], 8 and 16 bits alike, upright."""
    return to_unit(read_picture(path, accept=DECODABLE).values)


def clean_images(source, read) -> Iterator[tuple[str, np.ndarray, Fingerprint]]:
    """Name, image and fingerprint of everything in `source`; read and hashed by several threads, some images ahead."""
    folder = is_folder(source)

    def load(entries):
        if folder:
            return [(name, np.asarray(read(path)), fingerprint_of_file(path)) for name, path in entries]
        return [(name, image, fingerprint_of_array(image)) for name, image in entries]

    entries = iter(pictures_in(source) if folder else named_images(source))
    groups = iter(lambda: list(itertools.islice(entries, 4)), [])
    with ThreadPoolExecutor() as pool:
        ahead = collections.deque(pool.submit(load, group) for group in itertools.islice(groups, 8))
        while ahead:
            yield from ahead.popleft().result()
            ahead.extend(pool.submit(load, group) for group in itertools.islice(groups, 1))


def is_folder(source) -> bool:
    """Whether `source` is a path, and so a folder, rather than pairs of name and image."""
    return isinstance(source, str | os.PathLike)


def pictures_in(folder) -> list[tuple[str, Path]]:
    """Name and path of every picture in a folder, in order."""
    folder = Path(folder)
    if not os.path.isdir(folder):
        raise ValueError(f"{folder} is not a folder of pictures.")
    return [(shown(path.relative_to(folder).as_posix()), path) for path in find_pictures(folder)]


def named_images(source) -> Iterator[tuple[str, np.ndarray]]:
    """Name and image of every pair, from any iterable or a `tf.data.Dataset`."""
    for name, image in source:
        if tf.is_tensor(name):
            name = name.numpy()
        yield name.decode() if isinstance(name, bytes) else str(name), np.asarray(image)


def fingerprint_of_file(path: Path) -> Fingerprint:
    """The fingerprint of a file as it is now."""
    state = path.stat()
    with open(path, "rb") as file:
        return Fingerprint(state.st_size, state.st_mtime_ns, hashlib.file_digest(file, "sha256").hexdigest())


def fingerprint_of_array(image: np.ndarray) -> Fingerprint:
    """The fingerprint of an image in memory, its shape and dtype included."""
    image = np.ascontiguousarray(image)
    checksum = zlib.crc32(image.data, zlib.crc32(f"{image.dtype.str} {image.shape}".encode()))
    return Fingerprint(image.nbytes, 0, f"{checksum:08x}")


def is_unchanged(path: Path, then: Fingerprint) -> bool:
    """Whether a file is as it was; its bytes are read only if the size is the same and the time is not."""
    state = path.stat()
    if state.st_size != then.size:
        return False
    return state.st_mtime_ns == then.changed or fingerprint_of_file(path).digest == then.digest


def some_of(names) -> str:
    """Up to three names, for a message."""
    names = list(names)
    return ", ".join(map(repr, names[:3])) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
