"""Files and folders that are whole or absent, and the removal of what a killed process left half written."""

import contextlib
import json
import os
import re
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from tf_denoise.errors import InputError, reason
from tf_denoise.paths import real_path

UNFINISHED = ".writing-"
"""How the names of files begin that are not finished."""
_HOST = re.sub(r"\W", "_", socket.gethostname())[:40]
_OWNER = re.compile(rf"{re.escape(UNFINISHED)}{re.escape(_HOST)}-(\d+)-")
_A_DAY = 24 * 3600
_UMASK_LOCK, _WRITING_LOCK = threading.Lock(), threading.Lock()
_being_written: set[Path] = set()
_looked_through: set[Path] = set()


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
    with _WRITING_LOCK:  # so that no thread takes another's file for one that was left behind
        _remove_leftovers_once(path.parent)
        handle, name = tempfile.mkstemp(prefix=_own_prefix(), suffix=path.suffix, dir=real_path(path.parent))
        temporary = Path(name)
        _being_written.add(temporary)
    os.close(handle)
    try:
        yield temporary
        _sync(temporary)
        temporary.chmod(0o666 & ~_umask())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)
        _being_written.discard(temporary)


@contextlib.contextmanager
def unfinished_folder(parent: Path) -> Iterator[Path]:
    """A new folder in `parent`, to be filled and then given its name by `os.rename`; it vanishes if it was not."""
    with _WRITING_LOCK:
        _remove_leftovers_once(parent)
        folder = Path(tempfile.mkdtemp(prefix=_own_prefix(), dir=real_path(parent)))
        _being_written.add(folder)
    try:
        folder.chmod(0o777 & ~_umask())
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        _being_written.discard(folder)


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside `path` that becomes `path` when the block ends well, and vanishes otherwise.

    A folder that has the name already is replaced.

    Example:
        >>> import pathlib, tempfile
        >>> parent = pathlib.Path(tempfile.mkdtemp())
        >>> with atomic_folder(parent / "stack.zarr") as temporary:
        ...     _ = (temporary / "zarr.json").write_text("{}")
        >>> [file.name for file in parent.rglob("*")]
        ['stack.zarr', 'zarr.json']
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with unfinished_folder(path.parent) as folder:
        yield folder
        if os.name == "posix":
            os.sync()  # one call for what may be ten thousands of files
        if os.path.exists(path):
            with unfinished_folder(path.parent) as replaced:
                os.rename(path, replaced / "old")
                os.rename(folder, path)
        else:
            os.rename(folder, path)
        _sync_folder(path.parent)


def writable_folder(folder: Path, what: str = "output folder") -> Path:
    """Make a folder that can be written.

    Args:
        folder: The folder; made with those above it if it does not exist.
        what: What a message calls it.

    Raises:
        InputError: If it cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except (OSError, ValueError) as error:  # ValueError: a name that no folder can have
        why = getattr(error, "strerror", None) or reason(error)
        raise InputError(f"The {what} {folder} cannot be written: {why}.") from None
    return folder


def writable_file(path: Path, what: str = "file") -> Path:
    """Make the folder of a file that can be written under its name, before there is anything to write.

    Args:
        path: The file; it may stand there already.
        what: What a message calls it.

    Raises:
        InputError: If it cannot be.
    """
    writable_folder(path.parent, f"folder of the {what}")
    try:
        os.lstat(path)
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or reason(error)
        raise InputError(f"The {what} {path} cannot be written: {why}.") from None
    return path


def remove_unfinished_files(folder: Path) -> None:
    """Remove what killed processes left half written in a folder, and below it, that no other process writes to."""
    for place, folders, files in os.walk(folder):
        for name in [name for name in (*folders, *files) if name.startswith(UNFINISHED)]:
            _remove(Path(place, name))
        folders[:] = [name for name in folders if not name.startswith(UNFINISHED)]


def _remove_leftovers_once(folder: Path) -> None:
    """Remove what killed processes left in a folder that others may write to: once in the life of this process."""
    folder = real_path(folder)
    if folder in _looked_through:
        return
    _looked_through.add(folder)
    for path in folder.glob(UNFINISHED + "*"):
        if _is_left_behind(path):
            _remove(path)


def _is_left_behind(path: Path) -> bool:
    """Whether nobody works on an unfinished file any more: its process is gone, or it is older than a day."""
    if path in _being_written:
        return False
    owner = _OWNER.match(path.name)
    if owner is not None and int(owner[1]) == os.getpid():
        return True
    if owner is not None and os.name == "posix":  # elsewhere a signal cannot ask
        try:
            os.kill(int(owner[1]), 0)
        except ProcessLookupError:
            return True
        except OSError:
            pass  # it is there, and somebody else's
    try:
        return time.time() - path.stat().st_mtime > _A_DAY
    except OSError:
        return False


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        shutil.rmtree(path) if os.path.isdir(path) and not path.is_symlink() else path.unlink(missing_ok=True)


def _own_prefix() -> str:
    return f"{UNFINISHED}{_HOST}-{os.getpid()}-"


def _sync(path: Path) -> None:
    with open(path, "r+b") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":  # elsewhere a folder cannot be opened
        return
    descriptor = os.open(folder, os.O_RDONLY)
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
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")  # file names that are not UTF-8


def write_json(path: Path, value) -> None:
    """Write a JSON file that is whole or absent."""
    write_text(path, json.dumps(value, indent=1) + "\n")
