"""The sharpness scores of clean images, computed once and kept in a file.

For images that stay as they are (fixed tiles). Random crops are scored in the input pipeline instead:
`dataset.map(lambda noisy, clean: (noisy, sharpness_scores(clean)))`.
"""

import itertools
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from tf_denoise.losses.checks import as_images, checked_window, with_room_for_window
from tf_denoise.losses.clean_images import (
    Fingerprint,
    clean_images,
    fingerprint_of_array,
    is_folder,
    is_unchanged,
    named_images,
    pictures_in,
    read_image,
    some_of,
)
from tf_denoise.losses.regional_sharpness import sharpness_scores, window_scores
from tf_denoise.pictures.files import FORMATS

_FORMAT = "tf_denoise sharpness cache 1"


class SharpnessCache(Mapping):
    """The scores of many images: a mapping from file name to a list of `(row, column, score)`.

    Row and column are those of the window's upper left pixel. Made by `build_sharpness_cache` and
    `load_sharpness_cache`.

    Args:
        scores: File name to scores `(rows, columns)`.
        fingerprints: File name to `Fingerprint`.
        window_size: Side of the windows in pixels.
        step_size: Distance between them in pixels.
    """

    def __init__(
        self,
        scores: dict[str, np.ndarray],
        fingerprints: dict[str, Fingerprint],
        window_size: int,
        step_size: int,
    ):
        self.window_size, self.step_size = window_size, step_size
        self._scores, self._fingerprints = scores, fingerprints

    def __getitem__(self, name: str) -> list[tuple[int, int, float]]:
        """The windows of one image, row by row."""
        step = self.step_size
        scores = self._scores[name]
        places = itertools.product(*(range(0, count * step, step) for count in scores.shape))
        return [(row, column, score) for (row, column), score in zip(places, scores.ravel().tolist(), strict=True)]

    def __iter__(self) -> Iterator[str]:
        """The file names."""
        return iter(self._scores)

    def __len__(self) -> int:
        """The number of images."""
        return len(self._scores)

    def sorted_scores(self, names: Iterable[str]) -> np.ndarray:
        """What `RegionalSharpnessLoss` takes as `y_true`.

        Args:
            names: File names of images of one size.

        Returns:
            Float32 array `(images, windows)`, each row in descending order.

        Raises:
            ValueError: If the cache lacks a name, or the images differ in size.
        """
        names = list(names)
        self._refuse_missing(names)
        sizes = {self._scores[name].shape for name in names}
        if len(sizes) > 1:
            raise ValueError(
                f"The images differ in size: the cache holds grids of {sorted(sizes)} windows for them. Score images "
                "of one size together."
            )
        return np.stack([-np.sort(-self._scores[name], axis=None) for name in names])

    def check(self, source) -> None:
        """Refuse a cache that does not belong to `source` as it is now.

        A file whose size and time of change are as they were is taken for unchanged; if only the time differs, the
        hash of its bytes decides, so that a copied folder keeps its cache.

        Args:
            source: A folder or pairs of name and image, as `build_sharpness_cache` takes them.

        Raises:
            ValueError: If the cache lacks an image of `source`, or an image has changed.
        """
        if is_folder(source):
            paths = dict(pictures_in(source))
            self._refuse_missing(paths)
            changed = [name for name, path in paths.items() if not is_unchanged(path, self._fingerprints[name])]
        else:
            digests = {name: fingerprint_of_array(image).digest for name, image in named_images(source)}
            self._refuse_missing(digests)
            changed = [name for name, digest in digests.items() if digest != self._fingerprints[name].digest]
        if changed:
            raise ValueError(
                f"The sharpness cache is stale: {some_of(changed)} changed since it was built. Build it again with "
                "build_sharpness_cache."
            )

    def save(self, path) -> None:
        """Write the cache to an .npz file, whole or not at all. It holds plain arrays and no pickles."""
        path = Path(path)
        names = list(self._scores)
        marks = [self._fingerprints[name] for name in names]
        temporary = path.with_name(path.name + ".part")
        with open(temporary, "wb") as file:
            np.savez_compressed(
                file,
                format=np.array(_FORMAT),
                window_size=np.array(self.window_size),
                step_size=np.array(self.step_size),
                names=np.array(names, np.str_),
                grids=np.array([self._scores[name].shape for name in names], np.int64).reshape(-1, 2),
                scores=np.concatenate([self._scores[name].ravel() for name in names] or [np.zeros(0, np.float32)]),
                sizes=np.array([mark.size for mark in marks], np.int64),
                changed=np.array([mark.changed for mark in marks], np.int64),
                digests=np.array([mark.digest for mark in marks], np.str_),
            )
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)

    def _refuse_missing(self, names: Iterable[str]) -> None:
        missing = [name for name in names if name not in self._scores]
        if missing:
            raise ValueError(
                f"The sharpness cache holds no scores for {some_of(missing)}; it holds {len(self)} images, such as "
                f"{some_of(list(self))}. Is it the cache of another folder? Build one with build_sharpness_cache."
            )


def build_sharpness_cache(
    source,
    window_size: int = 32,
    step_size: int | None = None,
    *,
    read: Callable[[Path], np.ndarray] | None = None,
    batch_size: int = 16,
) -> SharpnessCache:
    """Score the windows of clean images.

    Args:
        source: A folder, whose pictures (PNG, JPEG, BMP, TIFF, subfolders too) are named by their path inside it; or
            pairs `(name, image)`, from any iterable or an unbatched `tf.data.Dataset`, each image
            `(height, width, channels)`.
        window_size: Side of a window in pixels.
        step_size: Distance between windows in pixels; half the window if `None`.
        read: Function of a path giving the image `(height, width, channels)` in the values that the model is trained
            on. By default, pictures are turned upright and scaled to [0, 1].
        batch_size: Number of images of one size that are scored together.

    Returns:
        A `SharpnessCache`.

    Raises:
        ValueError: If there is no image, two have one name, or one is smaller than the window.

    Example:
        >>> import numpy as np
        >>> cache = build_sharpness_cache([("tile.png", np.eye(6)[..., None])], window_size=4)
        >>> cache["tile.png"][:2]
        [(0, 0, 16.0), (0, 2, 8.0)]
    """
    window_size, step_size = checked_window(window_size, step_size)
    scores: dict = {}
    fingerprints: dict[str, Fingerprint] = {}
    entries = clean_images(source, read or read_image)
    # Neighbours of one size are scored together.
    for _, group in itertools.groupby(entries, key=lambda entry: np.shape(entry[1])):
        while batch := list(itertools.islice(group, batch_size)):
            names, images, marks = zip(*batch, strict=True)
            repeated = [name for index, name in enumerate(names) if name in scores or name in names[:index]]
            if repeated:
                raise ValueError(f"Two images have one name: {some_of(repeated)}. Each needs its own.")
            scores.update(zip(names, _scores_of(names, images, window_size, step_size, batch_size), strict=True))
            fingerprints.update(zip(names, marks, strict=True))
    if not scores:
        raise ValueError(f"There is no image to score in {source!r}: expected {', '.join(FORMATS)} or pairs.")
    return SharpnessCache(scores, fingerprints, window_size, step_size)


def load_sharpness_cache(path, window_size: int = 32, step_size: int | None = None, source=None) -> SharpnessCache:
    """Read a cache that `SharpnessCache.save` wrote, and refuse one that is stale or another's.

    Args:
        path: The .npz file.
        window_size: Side of the windows that the loss will use.
        step_size: Distance between them; half the window if `None`.
        source: The folder, or pairs of name and image, that the scores must be of; not checked if `None`.

    Returns:
        A `SharpnessCache`.

    Raises:
        ValueError: If the file is not a sharpness cache, was built with another window or step, lacks an image of
            `source`, or an image has changed since.
        FileNotFoundError: If there is no such file.
    """
    window_size, step_size = checked_window(window_size, step_size)
    not_a_cache = f"{path} is not a sharpness cache: expected an .npz file written by SharpnessCache.save"
    try:
        fields = np.load(path, allow_pickle=False)
        fields = dict(fields) if isinstance(fields, np.lib.npyio.NpzFile) else {}
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{not_a_cache} ({error}).") from error
    if str(fields.get("format")) != _FORMAT:
        raise ValueError(f"{not_a_cache}.")
    built = int(fields["window_size"]), int(fields["step_size"])
    if built != (window_size, step_size):
        raise ValueError(
            f"The sharpness cache {path} was built with window_size={built[0]}, step_size={built[1]}; expected "
            f"window_size={window_size}, step_size={step_size}. Build it again, or give the loss the cache's window."
        )
    names = [str(name) for name in fields["names"]]
    ends = np.cumsum(fields["grids"].prod(axis=1))
    flat = np.split(fields["scores"], ends[:-1])
    marks = zip(fields["sizes"].tolist(), fields["changed"].tolist(), map(str, fields["digests"]), strict=True)
    cache = SharpnessCache(
        {name: part.reshape(grid) for name, part, grid in zip(names, flat, fields["grids"], strict=True)},
        {name: Fingerprint(*mark) for name, mark in zip(names, marks, strict=True)},
        window_size,
        step_size,
    )
    if source is not None:
        cache.check(source)
    return cache


def _scores_of(names, images, window_size: int, step_size: int, batch_size: int) -> np.ndarray:
    images = np.stack([np.asarray(image, np.float32) for image in images])
    try:
        if len(images) == batch_size:
            return sharpness_scores(images, window_size, step_size).numpy()
        # A batch cut short would be compiled for its size alone: it takes the same road uncompiled.
        return window_scores(with_room_for_window(as_images(images), window_size), window_size, step_size).numpy()
    except ValueError as error:
        raise ValueError(f"{some_of(names)} cannot be scored. {error}") from error
