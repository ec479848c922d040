"""Files of any file system that Beam knows, here one that only Beam can read."""

import io
import posixpath

import pytest
from apache_beam.io.filesystem import BeamIOError, FileMetadata, FileSystem
from hypothesis import given, strategies

from tf_denoise.beam.places import brought_here, fixed_folder, is_local, place_below, sent_there
from tf_denoise.pictures.files import PictureError

SHELF: dict[str, bytes] = {}


class ShelfFileSystem(FileSystem):
    """Files in memory, `shelf://name`."""

    @classmethod
    def scheme(cls):
        return "shelf"

    def join(self, basepath, *paths):
        return posixpath.join(basepath, *paths)

    def split(self, path):
        return tuple(path.rsplit("/", 1))

    def mkdirs(self, path):
        pass

    def has_dirs(self):
        return False

    def _list(self, dir_or_prefix):
        return [FileMetadata(path, len(SHELF[path])) for path in sorted(SHELF) if path.startswith(dir_or_prefix)]

    def create(self, path, mime_type="", compression_type="auto"):
        class Closing(io.BytesIO):
            def close(self):
                if not self.closed:
                    SHELF[path] = self.getvalue()
                super().close()

        return Closing()

    def open(self, path, mime_type="", compression_type="auto"):
        if path not in SHELF:
            raise BeamIOError("Open failed", {path: FileNotFoundError(path)})
        return io.BytesIO(SHELF[path])

    def copy(self, source_file_names, destination_file_names):
        raise NotImplementedError

    def rename(self, source_file_names, destination_file_names):
        for source, target in zip(source_file_names, destination_file_names, strict=True):
            SHELF[target] = SHELF.pop(source)

    def exists(self, path):
        return path in SHELF

    def size(self, path):
        return len(SHELF[path])

    def last_updated(self, path):
        return 0.0

    def checksum(self, path):
        return ""

    def metadata(self, path):
        return FileMetadata(path, len(SHELF[path]))

    def delete(self, paths):
        for path in paths:
            del SHELF[path]


@pytest.fixture(autouse=True)
def shelf():
    SHELF.clear()
    yield SHELF
    SHELF.clear()


NAMES = strategies.lists(strategies.text("abcxyz 0_.-", min_size=1).filter(lambda name: set(name) != {"."}), min_size=1)


@given(NAMES, NAMES)
def test_a_place_below_a_folder_leads_back_to_the_path(folder, names):
    root, inside = "shelf://" + "/".join(folder), "/".join(names)
    assert place_below(f"{root}/{inside}", root) == inside
    assert fixed_folder(f"{root}/*/{inside}") == root


def test_relative_paths_are_kept_below_a_pattern_without_a_folder():
    assert fixed_folder("**/*.png") == "."
    assert [place_below(path, ".") for path in ("a/b.png", "./a/b.png", "b.png")] == ["a/b.png", "a/b.png", "b.png"]
    with pytest.raises(PictureError, match=r"does not lie below \."):
        place_below("../b.png", ".")


@pytest.mark.parametrize("path", ["shelf://b/x.png", "shelf://ab/x.png", "shelf://a/../b/x.png"])
def test_a_picture_beside_the_folder_has_no_place(path):
    with pytest.raises(PictureError, match="does not lie below shelf://a"):
        place_below(path, "shelf://a")


def test_a_local_file_is_used_where_it_stands(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"pixels")
    assert is_local(str(path))
    with brought_here(str(path)) as file:
        assert file == path


def test_a_file_of_elsewhere_is_brought_and_the_copy_removed(shelf):
    shelf["shelf://in/a.png"] = b"pixels"
    with brought_here("shelf://in/a.png") as file:
        assert (file.name, file.read_bytes()) == ("a.png", b"pixels")
    assert not file.exists()


def test_a_file_that_is_not_there_fails_with_its_own_name():
    with pytest.raises(PictureError, match=r"shelf://in/a\.png cannot be read"), brought_here("shelf://in/a.png"):
        pass


def test_a_result_stands_elsewhere_as_a_whole_under_its_name_alone(shelf):
    with sent_there("shelf://out/deep/a.png") as file:
        file.write_bytes(b"pixels")
        assert not shelf
    assert shelf == {"shelf://out/deep/a.png": b"pixels"}


def test_nothing_is_sent_where_writing_failed(shelf):
    def write_half():
        with sent_there("shelf://out/a.png") as file:
            file.write_bytes(b"pix")
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        write_half()
    assert not shelf
