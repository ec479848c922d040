"""The code that README and docs/ show runs as it stands there."""

import ast
import importlib

import keras
import numpy as np
import pytest
import tifffile
from helpers import ROOT

from tf_denoise.models import UNet
from tf_denoise.runs.loading import load_for_use

PAGES = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
GIVEN = {
    "docs/iterative.md": lambda: {"noisy": np.zeros((2, 784), "float32"), "prediction": np.zeros((2, 784), "float32")},
    "docs/losses.md": lambda: {"model": keras.Sequential([keras.Input((16, 16, 1)), keras.layers.Conv2D(1, 3)])},
    "docs/denoise.md": lambda: {"picture": np.zeros((48, 40, 3), "uint8")},
}
"""What the reader of a page has already."""


def blocks(page):
    return [part.split("```")[0] for part in (ROOT / page).read_text().split("```python\n")[1:]]


def run(page, number=0):
    names = GIVEN.get(page, dict)()
    exec(compile(blocks(page)[number], page, "exec"), names)
    return names


@pytest.mark.parametrize(("page", "number"), [(page, i) for page in PAGES for i in range(len(blocks(page)))])
def test_what_a_page_imports_is_there(page, number):
    if page == "docs/many_pictures.md":
        pytest.importorskip("apache_beam")
    for node in ast.walk(ast.parse(blocks(page)[number])):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] in ("tf_denoise", "training", "evaluation"):
            module = importlib.import_module(node.module)
            for name in node.names:
                assert hasattr(module, name.name), f"{node.module} has no {name.name}"


@pytest.mark.slow
@pytest.mark.parametrize("page", ["README.md", "docs/preset.md", "docs/textures.md"])
def test_what_a_page_trains_learns(page, monkeypatch):
    fit = keras.Model.fit
    short = {"steps_per_epoch": 2, "epochs": 1, "verbose": 0}
    monkeypatch.setattr(keras.Model, "fit", lambda model, data, **options: fit(model, data, **options | short))
    model = run(page)["model"]
    assert model.optimizer.iterations == 2


@pytest.mark.parametrize("page", GIVEN)
def test_what_a_page_does_with_what_the_reader_has(page, monkeypatch, tmp_path):
    if page == "docs/denoise.md":
        path = tmp_path / "model.keras"
        UNet(3, widths=(4, 8)).save(path)
        monkeypatch.setattr("tf_denoise.loading.load_for_use", lambda place: load_for_use(path))
    names = run(page)
    if page == "docs/denoise.md":
        assert names["clean"].shape == (48, 40, 3)
        assert names["denoise"](names["picture"]).dtype == np.uint8
    if page == "docs/iterative.md":
        assert names["better"].shape == (2, 784)
    if page == "docs/losses.md":
        assert names["model"].compiled


@pytest.mark.slow
@pytest.mark.parametrize("page", ["trust", "only_noisy", "stacks", "several_hosts"])
def test_the_code_of_the_page_runs(page, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some write files
    run(f"docs/{page}.md")
    if page == "trust":
        told = capsys.readouterr().out
        assert "Noise of a deviation of 25" in told
        assert "EstimatedPSNR" in told
    if page == "several_hosts":
        assert capsys.readouterr().out == f"1 True {list(range(16))}\n"
    if page == "stacks":
        assert "3 planes (C 3) of 64 x 64 pixels, uint8" in capsys.readouterr().out
        before, after = (tifffile.imread(tmp_path / name) for name in ("stack.tif", "denoised.tif"))
        assert after.shape == before.shape
        assert after.std() < before.std() / 2
