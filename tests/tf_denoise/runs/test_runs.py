import os
import re
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import filelock
import pytest
from helpers import ROOT, files_of, python

from tf_denoise.errors import InputError
from tf_denoise.runs.folder import network_folder, open_run, read_json, with_found_places
from tf_denoise.runs.writing import atomic_path, unfinished_folder, write_json, write_text

CONFIG = {"epochs": 3, "children": ("0", "25"), "seed": 0}
HOLD = """
import sys, pathlib
from tf_denoise.runs.folder import open_run
with open_run(pathlib.Path(sys.argv[1]), {"epochs": 3}):
    print("open", flush=True)
    sys.stdin.read()
"""


def test_a_file_is_written_whole(tmp_path):
    with atomic_path(tmp_path / "deep" / "file.npz") as temporary:
        assert temporary.parent == tmp_path / "deep"
        assert temporary.suffix == ".npz"
        temporary.write_bytes(b"new")
        assert not (tmp_path / "deep" / "file.npz").exists()
    assert files_of(tmp_path) == {"deep/file.npz": b"new"}


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_content_and_nothing_else(tmp_path, error):
    write_text(tmp_path / "file.txt", "old")

    def half_of_it():
        with atomic_path(tmp_path / "file.txt") as temporary:
            temporary.write_text("half of the n")
            raise error

    with pytest.raises(error):
        half_of_it()
    assert files_of(tmp_path) == {"file.txt": b"old"}


def test_a_failure_before_the_first_content_leaves_no_file(tmp_path):
    with pytest.raises(ValueError, match="disk"), atomic_path(tmp_path / "file.txt"):
        raise ValueError("disk")
    assert files_of(tmp_path) == {}


def test_a_file_has_the_permissions_that_any_new_file_has(tmp_path):
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "file.txt", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file.txt").stat().st_mode) == 0o640


def test_json_is_read_as_it_was_written(tmp_path):
    write_json(tmp_path / "a.json", {"children": ["0"], "depth": None, "name": "Fréchet"})
    assert read_json(tmp_path / "a.json") == {"children": ["0"], "depth": None, "name": "Fréchet"}


def test_json_that_is_missing_or_damaged_is_named(tmp_path):
    with pytest.raises(InputError, match=rf"{tmp_path} is not a run folder: it has no config.json"):
        read_json(tmp_path / "config.json")
    with pytest.raises(InputError, match=rf"There is no folder {tmp_path}/nowhere\."):
        read_json(tmp_path / "nowhere" / "config.json")
    for content in (b'{"epochs": ', b"\xff\xfe\x00"):
        (tmp_path / "config.json").write_bytes(content)
        with pytest.raises(InputError, match=r"config.json cannot be read as a file of a run: ."):
            read_json(tmp_path / "config.json")


def test_a_run_takes_a_new_folder_an_empty_one_and_its_own(tmp_path):
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "new" / "deep", tmp_path / "empty"):
        for _ in range(2):
            with open_run(folder, CONFIG):
                assert read_json(folder / "config.json") == {"epochs": 3, "children": ["0", "25"], "seed": 0}


def test_a_run_that_died_before_its_configuration_is_no_foreign_folder(tmp_path):
    (tmp_path / ".lock").touch()
    (tmp_path / ".writing-abc.json").touch()
    with open_run(tmp_path, CONFIG):
        assert (tmp_path / "config.json").exists()


def refused(folder, message, config=CONFIG):
    with pytest.raises(InputError, match=message), open_run(folder, config):
        pytest.fail("the folder was taken")


def test_a_foreign_folder_is_refused_and_left_as_it_is(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    refused(tmp_path, r"holds something that is not a run \(thesis.tex\), and nothing in it is overwritten")
    assert files_of(tmp_path) == {"thesis.tex": b"years of work"}


def test_another_configuration_is_refused_and_every_difference_named(tmp_path):
    with open_run(tmp_path, CONFIG):
        before = files_of(tmp_path)
    message = "of another configuration: epochs is 3 there and 4 here, jit is None there and True here. Choose another"
    refused(tmp_path, message, {**CONFIG, "epochs": 4, "jit": True})
    assert files_of(tmp_path) == before


def test_of_many_differences_as_many_are_named_as_fit_a_sentence(tmp_path):
    stored = {**CONFIG, "widths": [64, 128], "forms": []} | {f"option_{n}": n for n in range(20)}
    folder = tmp_path / "run"
    with open_run(folder, stored):
        pass
    changed = {name: value for name, value in stored.items() if not name.startswith("option_")}
    with pytest.raises(InputError) as info, open_run(folder, {**changed, "widths": [8], "forms": ["both"]}):
        pass
    message = str(info.value)
    assert "forms is nothing there and both here, option_0 is 0 there and None here" in message
    assert re.search(
        r", and \d+ more\. Choose another --output, or the same options to go on with that run\.$", message
    )
    assert " ... " not in message
    assert len(message) <= 300


def test_repeats_may_be_added_and_not_taken_away(tmp_path):
    for repeats in (1, 3, 3):
        with open_run(tmp_path, {**CONFIG, "repeats": repeats}):
            assert read_json(tmp_path / "config.json")["repeats"] == repeats
    refused(tmp_path, "repeats is 3 there and 2 here", {**CONFIG, "repeats": 2})
    refused(tmp_path, "repeats is 3 there and None here")
    refused(tmp_path, "epochs is 3 there and 4 here", {**CONFIG, "repeats": 5, "epochs": 4})
    assert read_json(tmp_path / "config.json")["repeats"] == 3


@pytest.mark.parametrize("content", ["[]", "3", "{"])
def test_a_damaged_configuration_is_refused(tmp_path, content):
    (tmp_path / "config.json").write_text(content)
    refused(tmp_path, "config.json (is not the configuration of a run|cannot be read as a file of a run)")
    assert (tmp_path / "config.json").read_text() == content


def test_a_file_is_refused_as_a_folder(tmp_path):
    (tmp_path / "file").write_text("x")
    refused(tmp_path / "file", r"file is a file; expected a folder, or a name that is still free")
    refused(tmp_path / "file" / "below", "below cannot be written: Not a directory")
    assert files_of(tmp_path) == {"file": b"x"}


def test_a_name_that_no_file_can_have_is_refused(tmp_path):
    refused(tmp_path / ("x" * 300), "cannot be written: File name too long")


@pytest.fixture
def mere_user():
    """Files that are not ours: permissions do not bind root, so root becomes nobody for a while."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    root = os.geteuid() == 0
    (folder / "read-only").mkdir(mode=0o555)
    (folder / "closed").mkdir(mode=0o000)
    if root:
        os.seteuid(65534)
    yield folder
    if root:
        os.seteuid(0)
    for path in (folder / "read-only", folder / "closed"):
        path.chmod(0o755)
        path.rmdir()
    folder.rmdir()


@pytest.mark.parametrize("place", ["read-only", "read-only/run", "closed/run"])
def test_a_folder_that_cannot_be_written_is_refused(mere_user, place):
    refused(mere_user / place, f"output folder {mere_user / place} cannot be written: Permission denied")


@pytest.mark.process
def test_a_folder_in_use_by_another_process_is_refused_until_that_one_dies(tmp_path):
    folder = tmp_path / "run"
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout.readline() == "open\n"
        refused(folder, "run is in use by another run; wait for it or choose another", {"epochs": 3})
    finally:
        other.kill()
        other.communicate()
    with open_run(folder, {"epochs": 3}):
        assert (folder / "config.json").exists()


def test_children_lie_in_folders_below_their_parent(tmp_path):
    assert network_folder(tmp_path, 2, "one_level/25") == tmp_path / "networks" / "repeat-2" / "one_level" / "25"


@pytest.mark.parametrize("place", [".", "figures", "networks/repeat-1/mse"])
def test_what_a_killed_process_left_half_written_is_removed_from_a_run(place, tmp_path):
    left = tmp_path / place / ".writing-abc.png"
    with open_run(tmp_path, CONFIG):
        left.parent.mkdir(parents=True, exist_ok=True)
    left.touch()
    (left.parent / ".writing-folder").mkdir()
    (left.parent / ".writing-folder" / "inside").touch()
    (left.parent / "kept.png").touch()
    with open_run(tmp_path, CONFIG):
        assert not list(tmp_path.rglob(".writing-*"))
        assert (left.parent / "kept.png").exists()


KILLED = """
import os, pathlib, signal, sys
from tf_denoise.runs.writing import atomic_path, unfinished_folder
with unfinished_folder(pathlib.Path(sys.argv[1])) as folder, atomic_path(pathlib.Path(sys.argv[1], "a.png")) as file:
    (folder / "half").touch()
    print(file.name, flush=True)
    os.kill(os.getpid(), signal.SIGKILL) if sys.argv[2] == "killed" else sys.stdin.read()
"""


@pytest.mark.process
def test_an_output_that_others_write_to_keeps_what_is_in_work_and_loses_what_a_killed_process_left(tmp_path):
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    assert subprocess.run([*command, "killed"], cwd=ROOT, check=False).returncode != 0
    assert len(list(tmp_path.glob(".writing-*"))) == 2
    with subprocess.Popen([*command, "alive"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        at_work = other.stdout.readline().decode().strip()
        with atomic_path(tmp_path / "b.png") as mine:
            mine.touch()
            left = {path.name for path in tmp_path.glob(".writing-*")}
            assert {at_work, mine.name} < left
            assert len(left) == 3  # the folder of the one at work, too
        other.communicate()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]


def test_an_old_file_of_another_machine_is_removed_and_a_young_one_stays(tmp_path):
    for name in (".writing-elsewhere-1-a.png", ".writing-elsewhere-1-b.png"):
        (tmp_path / name).touch()
    os.utime(tmp_path / ".writing-elsewhere-1-a.png", (0, 0))
    write_text(tmp_path / "c.txt", "x")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".writing-elsewhere-1-b.png", "c.txt"]


def test_a_folder_that_gets_no_name_vanishes(tmp_path):
    with unfinished_folder(tmp_path) as folder:
        (folder / "half").touch()
    with unfinished_folder(tmp_path) as folder:
        folder.rename(tmp_path / "whole")
    assert [path.name for path in tmp_path.iterdir()] == ["whole"]


PLACED = {"data": "embedded", "data_fingerprint": "abc", "seed": 0}


def test_a_run_that_was_moved_with_its_data_goes_on(tmp_path):
    old, new = tmp_path / "old", tmp_path / "deep" / "new"
    (old / "photographs").mkdir(parents=True)
    with open_run(old / "runs" / "a", {**PLACED, "data": str(old / "photographs")}, ["data"]):
        pass
    new.parent.mkdir()
    old.rename(new)
    stored = read_json(new / "runs" / "a" / "config.json")
    assert stored["data"] == str(old / "photographs")
    assert with_found_places(new / "runs" / "a", stored)["data"] == str(new / "photographs")
    with open_run(new / "runs" / "a", {**PLACED, "data": str(new / "photographs")}, ["data"]):
        assert read_json(new / "runs" / "a" / "config.json")["data"] == str(new / "photographs")
    # The data alone may move, too; other data may not come in their place.
    with open_run(new / "runs" / "a", {**PLACED, "data": str(tmp_path / "else")}, ["data"]):
        pass
    sentence = "holds a run on other data: three came in. Choose another --output, or the same data"
    changed = {"data_fingerprint": lambda: ("on other data: three came in", "data")}
    with (
        pytest.raises(InputError, match=sentence),
        open_run(new / "runs" / "a", {**PLACED, "data": str(new), "data_fingerprint": "b"}, ["data"], changed),
    ):
        pytest.fail("the folder was taken")
    for config in (PLACED, {**PLACED, "data": None}, {**PLACED, "data": str(tmp_path), "seed": 1}):
        with (
            pytest.raises(InputError, match="of another configuration"),
            open_run(new / "runs" / "a", config, ["data"]),
        ):
            pytest.fail("the folder was taken")


def test_the_configuration_is_looked_at_under_the_lock(tmp_path, monkeypatch):
    """Another process may write it between a look and the lock."""
    acquire = filelock.FileLock.acquire

    def late(lock, *args, **kwargs):
        write_json(tmp_path / "config.json", {"epochs": 4})
        return acquire(lock, *args, **kwargs)

    monkeypatch.setattr(filelock.FileLock, "acquire", late)
    refused(tmp_path, "epochs is 4 there and 3 here", {"epochs": 3})
    assert read_json(tmp_path / "config.json") == {"epochs": 4}


@pytest.mark.process
def test_a_run_is_taken_where_there_is_no_fcntl(tmp_path):
    code = (
        "import os, pathlib, sys\n"
        "sys.modules['fcntl'] = None\n"
        "del os.sysconf\n"
        "from tf_denoise.runs.folder import open_run\n"
        "with open_run(pathlib.Path(sys.argv[1]), {}): print('open')\n"
    )
    result = python("-c", code, tmp_path / "run")
    assert result.stdout == "open\n", result.stderr
