"""Laws about the source itself: who imports whom, and what an import costs."""

import ast
import graphlib
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


def module_name(path: Path) -> str:
    """The dotted name of a file, a package's that of its `__init__.py`."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(path): path for path in FILES}


def imported(path: Path) -> set[str]:
    """All names that a file imports anywhere in it: within functions, under `TYPE_CHECKING`, by `importlib`."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = module_name(path).split(".")
            package = package if path.name == "__init__.py" else package[:-1]
            start = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            whole = ".".join(part for part in (start, node.module) if part)
            names |= {f"{whole}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            names |= {str(arg.value) for arg in node.args if isinstance(arg, ast.Constant)}
    return names


def top_level(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported(path)}


def our_modules(path: Path) -> set[str]:
    """The files of ours that a file imports, by dotted name."""
    found = set()
    for name in imported(path):
        while name and name not in MODULES:
            name = name.rpartition(".")[0]
        found |= {name} if name else set()
    return found - {module_name(path)}


def room(module: str) -> str:
    """The room that a file lies in: a package of a package, or a file beside the rooms."""
    return ".".join(module.split(".")[:2])


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The places that can be reached from themselves, each circle once."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return [error.args[1]]
    return []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_one_way(path):
    package = path.relative_to(ROOT).parts[0]
    assert top_level(path) & OURS <= ALLOWED[package]


def test_no_file_reaches_itself():
    graph = {name: our_modules(path) for name, path in MODULES.items() if path.name != "__init__.py"}
    assert circles(graph) == []


def test_no_file_that_its_room_needs_goes_through_the_door_of_the_room():
    """A room's `__init__.py` leads to all its files: through it a circle would not be seen."""
    graph = {name: our_modules(path) for name, path in MODULES.items() if path.name != "__init__.py"}
    needed = {other for name, found in graph.items() for other in found if room(other) == room(name)}
    assert [name for name, found in graph.items() if name in needed and name.rpartition(".")[0] in found] == []


def test_no_room_reaches_itself():
    graph: dict[str, set[str]] = {}
    for name, path in MODULES.items():
        if name.count("."):  # what stands at the top of a package re-exports its rooms
            graph.setdefault(room(name), set()).update(map(room, our_modules(path) - {room(name)}))
    graph = {place: reached - {place} for place, reached in graph.items()}
    assert circles(graph) == []


def test_the_law_sees_circles():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": set()})
    assert our_modules(ROOT / "training" / "textures" / "__main__.py") >= {"training.textures.options"}


def test_the_law_sees_the_packages():
    seen = {path.relative_to(ROOT).parts[0] for path in FILES}
    assert seen == set(ALLOWED)
    assert {"evaluation", "tf_denoise"} <= set().union(*(top_level(p) for p in FILES if "training" in p.parts))


def test_the_library_does_without_matplotlib():
    assert not [path for path in FILES if "tf_denoise" in path.parts and "matplotlib" in top_level(path)]


@pytest.mark.process
@pytest.mark.parametrize(
    "package", ["tf_denoise", "tf_denoise.errors, tf_denoise.runs.folder, tf_denoise.commands.startup"]
)
def test_importing_the_package_loads_neither_tensorflow_nor_keras(package):
    code = f"import sys, {package}; print(sorted({{'tensorflow', 'keras'}} & set(sys.modules)), dir(tf_denoise))"
    result = python("-c", code)
    assert result.stdout.startswith("[] "), result.stderr
    for name in ("data", "models", "noise", "runs"):
        assert name in result.stdout


@pytest.mark.slow
@pytest.mark.process
def test_submodules_load_when_they_are_used():
    code = "import tf_denoise; print(tf_denoise.noise.level_schedule('25').level, tf_denoise.models.DenseAutoencoder)"
    result = python("-c", code)
    assert result.stdout.startswith("0.25 <class 'tf_denoise.models.autoencoder.DenseAutoencoder'>"), result.stderr


@pytest.mark.process
@pytest.mark.parametrize(
    "command", ["training.iterative", "training.intervals", "evaluation", "evaluation.explain", "tf_denoise"]
)
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


@pytest.mark.process
def test_help_explains_every_option():
    text = python("-m", "training.iterative", "--help", COLUMNS="200").stdout
    for option in (
        "profile", "dataset", "output", "seed", "hidden-units", "epochs", "batch-size", "one-level", "children",
        "depth", "repeats", "renoise-at-evaluation", "tsne-points", "jit-compile", "mixed-precision",
    ):  # fmt: skip
        assert f"--{option} " in text.replace(",", " ") or f"--no-{option}" in text, option
    assert "Generations of children" in text
    assert "Train the iterative renoising experiment" in text


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_paths_are_looked_at_by_what_does_not_stumble(path):
    """`pathlib` raises at names that are too long, at links in a circle and in folders that are shut."""
    raising = {"exists", "is_dir", "is_file", "resolve", "samefile"}
    calls = {
        node.func.attr
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in raising
        and not ast.unparse(node.func.value).startswith(("os.path", "Path(__file__)"))
    }
    assert not calls
