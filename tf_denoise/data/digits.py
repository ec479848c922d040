"""Handwritten digits: MNIST, a file of the user's, or the ones that scikit-learn embeds."""

import contextlib
import dataclasses
import hashlib
import os
import socket
import threading
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tf_denoise.errors import InputError, reason
from tf_denoise.extras import require

IMAGE_SHAPE = (28, 28, 1)
NUM_CLASSES = 10
_MNIST_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
_PROBE_SECONDS = 5.0
_READ_SECONDS = 20.0
_NPZ_KEYS = ("x_train", "y_train", "x_test", "y_test")
_LEAST_IMAGES = 24


@dataclasses.dataclass(frozen=True)
class Digits:
    """Flattened digits, uint8 `(images, 784)` in 0..255, with labels uint8 `(images,)` in 0..9.

    The last twelfth of the training digits is held out for validation (the last 5,000 of MNIST's 60,000), so that
    the test digits are seen by the evaluation alone.
    """

    name: str
    description: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_validation: np.ndarray
    y_validation: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray

    def fingerprint(self) -> str:
        """A hash of all images and labels: what a resumed run is checked against."""
        digest = hashlib.sha256()
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                digest.update(np.ascontiguousarray(value).data)
        return digest.hexdigest()[:16]


def load_digits(dataset: str = "auto") -> Digits:
    """Load digits by name.

    Args:
        dataset: `"mnist"` (through `keras.datasets`: cached, or downloaded), `"digits"` (the 1,797 digits embedded in
            scikit-learn, enlarged to 28 x 28), the path of an .npz file with x_train, y_train, x_test and y_test, or
            `"auto"`: MNIST where it can be had, otherwise the embedded digits.

    Returns:
        The digits. `description` says in one sentence what they are, and why, where `"auto"` had to choose.

    Raises:
        InputError: If the network or the file does not give digits.

    Example:
        >>> load_digits("digits").x_test.shape
        (500, 784)
    """
    if dataset == "digits":
        return _embedded()
    if dataset == "mnist":
        return _mnist()
    if dataset == "auto":
        try:
            return _mnist()
        except InputError as error:
            embedded = _embedded()
            reason = str(error).split(". ")[0]
            return dataclasses.replace(embedded, description=f"{reason}. Used instead: {embedded.description}")
    return _npz(Path(dataset))


def _split(name: str, description: str, x_train, y_train, x_test, y_test) -> Digits:
    held_out = len(x_train) // 12
    return Digits(
        name,
        description,
        x_train[:-held_out],
        y_train[:-held_out],
        x_train[-held_out:],
        y_train[-held_out:],
        x_test,
        y_test,
    )


def _embedded() -> Digits:
    import scipy.ndimage

    digits = require("sklearn.datasets").load_digits()
    enlarged = scipy.ndimage.zoom(digits.images / 16, (1, 3, 3), order=3, mode="nearest", grid_mode=True)
    padded = np.pad(np.clip(enlarged, 0, 1), ((0, 0), (2, 2), (2, 2)))
    images, labels = np.round(padded * 255).astype("uint8").reshape(-1, 784), digits.target.astype("uint8")
    description = (
        "the 1,797 handwritten digits embedded in scikit-learn (8 x 8 pixels, enlarged to 28 x 28): a small and "
        "easy set, good for a first look and not for conclusions."
    )
    return _split("digits", description, images[:-500], labels[:-500], images[-500:], labels[-500:])


def _mnist() -> Digits:
    import keras

    home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))
    if not os.path.isfile(home / "datasets" / "mnist.npz"):
        _probe_network()
    try:
        with _socket_timeout(_READ_SECONDS):
            (x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
    except Exception as error:  # keras wraps every network fault into a bare Exception
        raise InputError(
            f"The download of MNIST failed: {_why(error)}. Try again, name a file with --dataset PATH.npz, "
            "or use --dataset digits, which needs no network."
        ) from None
    arrays = (x_train.reshape(-1, 784), y_train, x_test.reshape(-1, 784), y_test)
    return _split("mnist", "MNIST: 60,000 training and 10,000 test digits of 28 x 28 pixels.", *arrays)


def _probe_network() -> None:
    """Notice a dead network within seconds: name look-up knows no time-out of its own, so it runs aside."""
    outcome: list[Exception | None] = []

    def probe():
        request = urllib.request.Request(_MNIST_URL, method="HEAD")
        try:
            urllib.request.urlopen(request, timeout=_PROBE_SECONDS).close()
            outcome.append(None)
        except (OSError, ValueError) as error:
            outcome.append(error)

    thread = threading.Thread(target=probe, daemon=True)
    thread.start()
    thread.join(_PROBE_SECONDS + 1)
    if outcome == [None]:
        return
    reason = f"no answer within {_PROBE_SECONDS:.0f} s"
    if outcome and outcome[0] is not None:
        reason = _why(outcome[0])
    raise InputError(
        f"MNIST is not cached and cannot be downloaded: {reason}. Connect to a network, name a file with "
        "--dataset PATH.npz, or use --dataset digits, which needs none."
    )


@contextlib.contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _why(error: Exception) -> str:
    inner = error.reason if isinstance(error, urllib.error.URLError) else error
    return reason(inner if isinstance(inner, Exception) else OSError(inner))


def _npz(path: Path) -> Digits:
    if not os.path.isfile(path):
        raise InputError(
            f"The dataset {path} does not exist; expected mnist, digits, auto, or the path of an .npz file with "
            f"{', '.join(_NPZ_KEYS)}."
        )
    try:
        with np.load(path, allow_pickle=False) as archive:
            missing = [key for key in _NPZ_KEYS if key not in archive]
            if missing:
                raise InputError(
                    f"{path} lacks {', '.join(missing)}; expected the keys {', '.join(_NPZ_KEYS)}, "
                    f"found {', '.join(archive.files) or 'none'}."
                )
            arrays = {key: archive[key] for key in _NPZ_KEYS}
    except InputError:
        raise
    except (OSError, ValueError, EOFError, TypeError, AttributeError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path} cannot be read as an .npz file (is it truncated?): {_why(error)}.") from None
    for split in ("train", "test"):
        arrays[f"x_{split}"] = _checked_images(path, f"x_{split}", arrays[f"x_{split}"])
        arrays[f"y_{split}"] = _checked_labels(path, f"y_{split}", arrays[f"y_{split}"], len(arrays[f"x_{split}"]))
    train, test = len(arrays["x_train"]), len(arrays["x_test"])
    return _split(path.stem, f"{path.name}: {train:,} training and {test:,} test digits.", *arrays.values())


def _checked_images(path: Path, key: str, images: np.ndarray) -> np.ndarray:
    if images.shape[1:] not in ((28, 28), (784,), IMAGE_SHAPE):
        raise InputError(f"{path}: {key} has shape {images.shape}; expected (images, 28, 28) or (images, 784).")
    if len(images) < _LEAST_IMAGES:
        raise InputError(f"{path}: {key} holds {len(images)} images; expected at least {_LEAST_IMAGES}.")
    if not (np.issubdtype(images.dtype, np.integer) or np.issubdtype(images.dtype, np.floating)):
        raise InputError(f"{path}: {key} has type {images.dtype}; expected integers in 0..255 or floats in 0..1.")
    if np.issubdtype(images.dtype, np.floating):
        if not np.isfinite(images).all():
            raise InputError(f"{path}: {key} holds values that are not finite (NaN or infinite).")
        allowed, scale = 1, 255
    else:
        allowed, scale = 255, 1
    low, high = images.min(), images.max()
    if low < 0 or high > allowed:
        raise InputError(
            f"{path}: {key} of type {images.dtype} has values from {low:g} to {high:g}; expected 0 to {allowed}."
        )
    pixels = np.round(images * scale) if scale > 1 else images
    return pixels.astype("uint8").reshape(len(images), 784)


def _checked_labels(path: Path, key: str, labels: np.ndarray, images: int) -> np.ndarray:
    if labels.shape != (images,):
        raise InputError(f"{path}: {key} has shape {labels.shape}; expected one label per image, ({images},).")
    if not np.issubdtype(labels.dtype, np.integer):
        raise InputError(f"{path}: {key} has type {labels.dtype}; expected integers in 0..{NUM_CLASSES - 1}.")
    if labels.min() < 0 or labels.max() >= NUM_CLASSES:
        raise InputError(
            f"{path}: {key} has values from {labels.min()} to {labels.max()}; expected 0 to {NUM_CLASSES - 1}."
        )
    return labels.astype("uint8")
