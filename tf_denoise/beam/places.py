"""Files of any file system that Beam knows: brought here, sent there, and where each result goes."""

import contextlib
import posixpath
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from tf_denoise.pictures.files import PictureError

_PLAIN = {"compression_type": CompressionTypes.UNCOMPRESSED}
_AT_ONCE = 1 << 20


def fixed_folder(pattern: str) -> str:
    """The folder of a pattern that no `*`, `?` or `[` stands in: below it results keep their paths.

    Example:
        >>> fixed_folder("gs://bucket/shots/**/*.png"), fixed_folder("*.png"), fixed_folder("/*.png")
        ('gs://bucket/shots', '.', '/')
    """
    first = min((pattern.find(sign) for sign in "*?[" if sign in pattern), default=len(pattern))
    folder, slash, _ = pattern[:first].rpartition("/")
    return folder or slash or "."


def place_below(path: str, root: str) -> str:
    """Where a picture lies below a folder, `.` the one that relative paths lie in; its name alone where none is given.

    Raises:
        PictureError: If it lies elsewhere.

    Example:
        >>> place_below("gs://bucket/shots/a/b.png", "gs://bucket/shots"), place_below("/tmp/b.png", "")
        ('a/b.png', 'b.png')
    """
    if not root:
        return posixpath.basename(path)
    folder = "" if root == "." else root.rstrip("/") + "/"
    inside = path.removeprefix(folder).removeprefix("./" if root == "." else "")
    if not path.startswith(folder) or inside.startswith("/") or ".." in inside.split("/"):
        raise PictureError(path, f"does not lie below {root}, so there is no place for it in the output")
    return inside


def is_local(path: str) -> bool:
    """Whether a path is one of this machine."""
    return FileSystems.get_scheme(path) is None


@contextlib.contextmanager
def brought_here(path: str) -> Iterator[Path]:
    """A file of this machine with what a path holds: that file itself where it is local, otherwise a copy for a while.

    Raises:
        PictureError: If it cannot be read.
    """
    if is_local(path):
        yield Path(path)
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / posixpath.basename(path)
        try:
            with FileSystems.open(path, **_PLAIN) as source, copy.open("wb") as target:
                shutil.copyfileobj(source, target, _AT_ONCE)
        except Exception as error:  # each file system has its own
            raise PictureError(path, f"cannot be read: {str(error) or type(error).__name__}") from error
        yield copy


@contextlib.contextmanager
def sent_there(path: str) -> Iterator[Path]:
    """A file to write, that stands at `path` as a whole once the block is left without an error.

    Elsewhere than on this machine it is written beside its place under a name of its own, then renamed.
    """
    if is_local(path):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        yield Path(path)
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / posixpath.basename(path)
        yield file
        parent, name = FileSystems.split(path)
        with contextlib.suppress(OSError):  # it is there
            FileSystems.mkdirs(parent)
        unfinished = FileSystems.join(parent, f".{Path(folder).name}-{name}")
        with file.open("rb") as source, FileSystems.create(unfinished, **_PLAIN) as target:
            shutil.copyfileobj(source, target, _AT_ONCE)
        FileSystems.rename([unfinished], [path])
