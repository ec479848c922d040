"""`python -m tf_denoise denoise` on paths that cannot be looked at, and beside what others wrote."""

import os

import numpy as np
import pytest
from helpers import refusal
from picture_files import photograph
from PIL import Image

import training.intervals.__main__
import training.iterative.__main__
import training.textures.__main__
from evaluation.__main__ import compare
from evaluation.explain.__main__ import main as explain
from tf_denoise.__main__ import main
from tf_denoise.models import UNet
from tf_denoise.pages.page import JSON_FILE, PAGE_FILE
from tf_denoise.paths import real_path

LONG = "x" * 300


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    path = tmp_path_factory.mktemp("network") / "net.keras"
    UNet(3, widths=(4, 6)).save(path)
    return path


def status(*words) -> int:
    try:
        main(["denoise", *map(str, words)])
    except SystemExit as end:
        return end.code
    return 0


def circle(folder):
    """Two links that lead to each other."""
    (folder / "one.png").symlink_to(folder / "other.png")
    (folder / "other.png").symlink_to(folder / "one.png")
    return folder / "one.png"


def test_a_link_that_leads_to_itself_is_named_and_the_others_are_done(network, tmp_path, capsys):
    (tmp_path / "in").mkdir()
    photograph(tmp_path / "in" / "good.png", 12, 10)
    loop = circle(tmp_path / "in")
    words = "--model", network, "--output", tmp_path / "out"
    assert status(tmp_path / "in", *words) == 1
    error = capsys.readouterr().err
    assert "one.png cannot be read: Too many levels of symbolic links." in error
    assert "other.png cannot be read: Too many levels of symbolic links." in error
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["good.png"]
    assert status(loop, tmp_path / "in" / "good.png", "--overwrite", *words) == 1
    assert real_path(loop).name in ("one.png", "other.png")


def test_a_name_that_is_too_long_is_named_and_the_others_are_done(network, tmp_path, capsys):
    good = photograph(tmp_path / "good.png", 12, 10)
    assert status(f"{LONG}.png", good, "--model", network, "--output", tmp_path / "out") == 1
    assert "cannot be read: File name too long." in capsys.readouterr().err
    assert (tmp_path / "out" / "good.png").exists()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root enters every folder")
def test_a_folder_that_nobody_may_enter_is_named_and_the_others_are_done(network, tmp_path, capsys):
    good = photograph(tmp_path / "good.png", 12, 10)
    (tmp_path / "shut").mkdir(mode=0o000)
    assert status(tmp_path / "shut" / "one.png", good, "--model", network, "--output", tmp_path / "out") == 1
    assert "cannot be read: Permission denied." in capsys.readouterr().err


@pytest.mark.parametrize("output", ["loop", "below the loop", "too long"])
def test_an_output_that_cannot_be_is_refused(network, tmp_path, capsys, output):
    picture = photograph(tmp_path / "picture.png", 12, 10)
    place = {"loop": circle(tmp_path), "below the loop": tmp_path / "one.png" / "out", "too long": tmp_path / LONG}
    words = ["denoise", str(picture), "--model", str(network), "--output", str(place[output])]
    assert "cannot be written: " in refusal(capsys, main, words)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "words"),
    [
        (training.textures.__main__.main, ["--data", LONG, "--output", "run"]),
        (training.textures.__main__.main, ["--data", "photographs", "--validation", LONG, "--output", "run"]),
        (training.textures.__main__.main, ["--data", "photographs", "--start", LONG, "--output", "run"]),
        (training.textures.__main__.main, ["--data", "photographs", "--output", LONG]),
        (training.textures.__main__.main, ["--noisy", "photographs", "--output", LONG]),
        (training.iterative.__main__.main, ["--dataset", "digits", "--output", LONG]),
        (training.iterative.__main__.main, ["--dataset", LONG, "--output", "run"]),
        (training.intervals.__main__.main, [LONG, "--calibration", "photographs"]),
        (training.intervals.__main__.main, ["photographs", "--calibration", LONG, "--data", "photographs"]),
        (explain, ["photographs", "photographs/0.png", "--layer", "bottleneck", "--clean", LONG]),
        (explain, ["photographs", "photographs/0.png", "--layer", "bottleneck", "--output", LONG]),
        (main, ["export", "photographs", LONG]),
        (main, ["export", "photographs", f"{LONG}.onnx", "--format", "onnx"]),
        (main, ["export", LONG, "served"]),
        (explain, ["photographs", f"{LONG}.png", "--layer", "bottleneck", "--output", "figures"]),
        (explain, [LONG, "one.png", "--layer", "bottleneck", "--output", "figures"]),
    ],
    ids=lambda value: " ".join(value).replace(LONG, "LONG") if isinstance(value, list) else "",
)
def test_no_command_stumbles_over_a_name_that_is_too_long(capsys, tmp_path, monkeypatch, command, words):
    monkeypatch.chdir(tmp_path)
    for index in range(12):
        pixels = np.random.default_rng(index).integers(0, 256, (100, 100, 3), "uint8")
        (tmp_path / "photographs").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "photographs" / f"{index}.png")
    assert LONG[:50] in refusal(capsys, command, words)


def test_compare_does_not_stumble_either(capsys, tmp_path):
    picture = photograph(tmp_path / "picture.png", 12, 10)
    assert LONG[:50] in refusal(capsys, lambda words: compare(*words), (picture, tmp_path / LONG))


def test_a_report_is_written_over_none_of_somebody_else(network, tmp_path, capsys):
    picture = photograph(tmp_path / "picture.png", 12, 10)
    words = ["denoise", str(picture), "--model", str(network), "--output", str(tmp_path / "run"), "--report"]
    (tmp_path / "run").mkdir()
    page = tmp_path / "run" / PAGE_FILE
    page.write_text("of a training")
    assert f"{PAGE_FILE} is not a report of this command, and --report would write over it" in refusal(
        capsys, main, words
    )
    (tmp_path / "run" / JSON_FILE).write_text("{}")  # as one that learned from noisy photographs alone has it
    (tmp_path / "run" / "config.json").write_text('{"command": "textures"}')
    assert "is a run folder, which has a report of its own; choose another --output." in refusal(capsys, main, words)
    assert page.read_text() == "of a training"
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["config.json", PAGE_FILE, JSON_FILE]
    (tmp_path / "run" / "config.json").write_text("[]")  # whatever it is, it is not of a run
    assert status(*words[1:]) == 0
    assert "of a training" not in page.read_text()
