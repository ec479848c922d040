"""The run folder: its configuration, files that are whole or absent, and one process at a time."""

import contextlib
import fcntl
import json
import os
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from tf_denoise.errors import InputError

CONFIG_FILE = "config.json"
LOCK_FILE = ".lock"
MODEL_FILE = "model.keras"
RECORD_FILE = "training.json"
CLASSIFIER_FOLDER = "classifier"
_UNFINISHED = ".writing-"
_UMASK_LOCK = threading.Lock()


def network_folder(run: Path, repeat: int, name: str) -> Path:
    """Where a run keeps a network: its children lie in folders below it."""
    return run / "networks" / f"repeat-{repeat}" / name


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that becomes `path` when the block ends well, and vanishes otherwise.

    The data is on the disk before the name appears, so after a crash `path` holds the old content or the new.
    The temporary name keeps the suffix, because writers such as Keras' look at it.

    Example:
        >>> import pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> with atomic_path(folder / "scores.csv") as temporary:
        ...     _ = temporary.write_text("mse")
        >>> [file.name for file in folder.iterdir()]
        ['scores.csv']
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=_UNFINISHED, suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        _sync(temporary)
        temporary.chmod(0o666 & ~_umask())
        os.replace(temporary, path)
        _sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def remove_unfinished_files(folder: Path) -> None:
    """Remove what a killed process left half written in a folder that no other process writes to."""
    for path in folder.glob(_UNFINISHED + "*"):
        path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    with _UMASK_LOCK:  # it is read by being set, for the whole process
        mask = os.umask(0)
        os.umask(mask)
    return mask


def write_text(path: Path, text: str) -> None:
    """Write a text file that is whole or absent."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")  # names of any bytes


def write_json(path: Path, value) -> None:
    """Write a JSON file that is whole or absent."""
    write_text(path, json.dumps(value, indent=1) + "\n")


def read_json(path: Path):
    """Read a JSON file of a run.

    Raises:
        InputError: If the file is missing or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path.parent} is not a run folder: it has no {path.name}.") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as a file of a run: {error}") from None


@contextlib.contextmanager
def open_run(folder: Path, config: dict) -> Iterator[None]:
    """Take `folder` for a run of `config`: a new or empty folder, or one that holds the same configuration.

    While the block runs, no other process can open the folder.

    Args:
        folder: The run folder; made if it does not exist.
        config: Everything that decides the result, as JSON values.

    Raises:
        InputError: If the folder cannot be written, holds something else, holds another configuration, or is in use.
    """
    try:
        _check_folder(folder, config)
        folder.mkdir(parents=True, exist_ok=True)
        lock = open(folder / LOCK_FILE, "w")  # noqa: SIM115 (held open as long as the run lasts)
    except OSError as error:
        raise InputError(f"The output folder {folder} cannot be written: {error.strerror}.") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise InputError(
                f"The output folder {folder} is in use by another run; wait for it or choose another."
            ) from None
        if not (folder / CONFIG_FILE).exists():
            write_json(folder / CONFIG_FILE, config)
        yield


def _check_folder(folder: Path, config: dict) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise InputError(f"The output {folder} is a file; expected a folder, or a name that is still free.")
    if not (folder / CONFIG_FILE).exists():
        foreign = sorted(p.name for p in folder.iterdir() if p.name != LOCK_FILE and not p.name.startswith(_UNFINISHED))
        if foreign:
            raise InputError(
                f"The output folder {folder} holds something that is not a run ({foreign[0]}), and nothing in it is "
                "overwritten; choose an empty or new folder."
            )
        return
    stored = read_json(folder / CONFIG_FILE)
    wanted = json.loads(json.dumps(config))
    if not isinstance(stored, dict):
        raise InputError(f"{folder / CONFIG_FILE} is not the configuration of a run.")
    different = [key for key in sorted({*stored, *wanted}) if stored.get(key) != wanted.get(key)]
    if different:
        changes = ", ".join(f"{key} is {stored.get(key)!r} there and {wanted.get(key)!r} here" for key in different[:4])
        raise InputError(
            f"The output folder {folder} holds a run of another configuration: {changes}. "
            "Choose another --output, or the same options to go on with that run."
        )


def load_network(folder: Path):
    """Load the network that a run keeps in `folder`, for inference: not compiled, nothing foreign executed.

    Raises:
        InputError: If there is none, or it is damaged.
    """
    return load_model(folder / MODEL_FILE)


def load_model(path: Path):
    """Load a `.keras` file for inference: not compiled, nothing foreign executed.

    Raises:
        InputError: If there is none, or it is damaged.
    """
    import zipfile

    import keras

    import tf_denoise.models.autoencoder
    import tf_denoise.models.classifier
    import tf_denoise.models.unet
    import tf_denoise.models.vit_unet  # noqa: F401 (loading needs the classes registered)

    try:
        with zipfile.ZipFile(path) as archive:
            if b"keras_hub" in archive.read("config.json"):
                import keras_hub  # noqa: F401 (likewise)
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # what a damaged archive raises is not to be foreseen
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"{path} cannot be loaded: {reason}") from None
