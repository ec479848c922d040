"""Which state of the code makes a number."""

import subprocess

import pytest

from evaluation.source import PACKAGES, code_hash, source


def git(folder, *words):
    name = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *name, *words], check=True, capture_output=True)


@pytest.fixture
def packages(tmp_path):
    for package in PACKAGES:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text(f'"""{package}."""\n')
    return tmp_path


@pytest.fixture
def checkout(packages):
    git(packages, "init", "--quiet")
    git(packages, "add", ".")
    git(packages, "commit", "--quiet", "--message", "first")
    return packages


def test_a_checkout_says_its_commit_its_tags_and_whether_the_packages_are_as_committed(checkout):
    git(checkout, "tag", "study")
    first = source(checkout)
    assert (len(first["commit"]), first["tags"], first["clean"]) == (40, ["study"], True)
    (checkout / "training" / "new.py").write_text("")
    assert source(checkout)["clean"] is False


def test_a_commit_of_pages_alone_leaves_the_state_of_the_code(checkout):
    before = source(checkout)
    (checkout / "page.md").write_text("numbers")
    assert source(checkout)["clean"] is True
    git(checkout, "add", ".")
    git(checkout, "commit", "--quiet", "--message", "page")
    after = source(checkout)
    assert after["commit"] != before["commit"]
    assert after["code"] == before["code"]


def test_packages_that_lie_in_a_checkout_of_something_else_have_no_commit(checkout):
    inner = checkout / "venv"
    for package in PACKAGES:
        (inner / package).mkdir(parents=True)
        (inner / package / "__init__.py").write_text("")
    assert (source(inner)["commit"], source(inner)["clean"]) == (None, None)


def test_without_git_the_code_still_has_its_hash(packages, monkeypatch):
    monkeypatch.setenv("PATH", "")
    found = source(packages)
    assert (found["commit"], found["tags"], found["clean"]) == (None, [], None)
    assert found["code"] == code_hash(packages)


@pytest.mark.parametrize("change", ["content", "name", "new file"])
def test_every_change_of_the_packages_changes_the_hash(packages, change):
    before = code_hash(packages)
    file = packages / "evaluation" / "__init__.py"
    if change == "content":
        file.write_text("x = 1\n")
    elif change == "name":
        file.rename(file.with_name("other.py"))
    else:
        file.with_name("data.bin").write_bytes(b"\0")
    assert code_hash(packages) != before


def test_compiled_files_are_no_part_of_the_code(packages):
    before = code_hash(packages)
    (packages / "evaluation" / "__pycache__").mkdir()
    (packages / "evaluation" / "__pycache__" / "a.pyc").write_bytes(b"1")
    assert code_hash(packages) == before
