"""Laws about the source itself: who imports whom, and what an import costs."""

import ast
from pathlib import Path

import pytest
from helpers import ROOT, python

ALLOWED = {
    "tf_denoise": {"tf_denoise"},
    "evaluation": {"evaluation", "tf_denoise"},
    "training": {"training", "evaluation", "tf_denoise"},
}
OURS = {"tf_denoise", "evaluation", "training", "benchmarks", "tests"}
FILES = [path for package in ALLOWED for path in sorted((ROOT / package).rglob("*.py"))]


def imported(path: Path) -> set[str]:
    """The top-level names that a file imports anywhere in it, as text or by `importlib` too."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(path.relative_to(ROOT).parts[0] if node.level else node.module.split(".")[0])
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            names |= {str(arg.value).split(".")[0] for arg in node.args if isinstance(arg, ast.Constant)}
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path):
    package = path.relative_to(ROOT).parts[0]
    assert imported(path) & OURS <= ALLOWED[package]


def test_the_law_sees_the_packages():
    seen = {path.relative_to(ROOT).parts[0] for path in FILES}
    assert seen == set(ALLOWED)
    assert {"evaluation", "tf_denoise"} <= set().union(*(imported(p) for p in FILES if "training" in p.parts))


def test_the_library_does_without_matplotlib():
    assert not [path for path in FILES if "tf_denoise" in path.parts and "matplotlib" in imported(path)]


@pytest.mark.parametrize("package", ["tf_denoise", "tf_denoise.errors, tf_denoise.runs, tf_denoise.startup"])
def test_importing_the_package_loads_neither_tensorflow_nor_keras(package):
    code = f"import sys, {package}; print(sorted({{'tensorflow', 'keras'}} & set(sys.modules)), dir(tf_denoise))"
    result = python("-c", code)
    assert result.stdout.startswith("[] "), result.stderr
    for name in ("data", "models", "noise", "runs"):
        assert name in result.stdout


def test_submodules_load_when_they_are_used():
    code = "import tf_denoise; print(tf_denoise.noise.level_schedule('25').level, tf_denoise.models.DenseAutoencoder)"
    result = python("-c", code)
    assert result.stdout.startswith("0.25 <class 'tf_denoise.models.autoencoder.DenseAutoencoder'>"), result.stderr


@pytest.mark.parametrize("command", ["training.iterative", "evaluation", "evaluation.explain", "tf_denoise"])
def test_help_answers_without_loading_tensorflow_or_keras(command):
    code = (
        "import runpy, sys, resource\n"
        f"sys.argv = ['x', '--help']\n"
        "try:\n"
        f"    runpy.run_module({command!r}, run_name='__main__', alter_sys=False)\n"
        "except SystemExit as end:\n"
        "    loaded = {'tensorflow', 'keras', 'matplotlib', 'sklearn', 'scipy'} & set(sys.modules)\n"
        "    print('ENDED', end.code, sorted(loaded), resource.getrusage(resource.RUSAGE_SELF).ru_utime)\n"
    )
    result = python("-c", code)
    ended = result.stdout.strip().splitlines()[-1]
    assert ended.startswith("ENDED 0 [] "), result.stdout + result.stderr
    assert float(ended.split()[-1]) < 2.5  # seconds of processor time, about one when nothing else runs


def test_help_explains_every_option():
    text = python("-m", "training.iterative", "--help", COLUMNS="200").stdout
    for option in (
        "profile", "dataset", "output", "seed", "hidden-units", "epochs", "batch-size", "one-level", "children",
        "depth", "repeats", "renoise-at-evaluation", "tsne-points", "jit-compile", "mixed-precision",
    ):  # fmt: skip
        assert f"--{option} " in text.replace(",", " ") or f"--no-{option}" in text, option
    assert "Generations of children" in text
    assert "Train the iterative renoising experiment" in text
