"""pyproject.toml, requirements.txt and what the packages import say the same."""

import ast
import importlib.metadata
import re
import sys
import tomllib

import pytest
from helpers import ROOT

from tf_denoise.extras import EXTRAS

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OPTIONAL = PROJECT["optional-dependencies"]
REQUIRED = [line for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines() if line and line[0] != "#"]
GIVEN = ("tensorflow", "keras", "keras-hub", "numpy", "matplotlib", "pytest")
# Distributions whose packages have another name.
PACKAGES = {
    "pillow": "PIL",
    "scikit-learn": "sklearn",
    "scikit-image": "skimage",
    "opencv-python-headless": "cv2",
    "keras-hub": "keras_hub",
    "tensorflow-serving-api": "tensorflow_serving",
    "apache-beam": "apache_beam",
}
OURS = {"tf_denoise", "evaluation", "training"}


def names(requirements):
    return {re.match(r"[\w.-]+", line)[0] for line in requirements}


def imported(package):
    """The top-level names of libraries that a package imports anywhere."""
    found = set()
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - OURS


def test_requirements_are_core_and_what_the_commands_import():
    stated = [*PROJECT["dependencies"], *OPTIONAL["report"], *OPTIONAL["study"], *OPTIONAL["vit"]]
    assert [line for line in REQUIRED if not line.startswith("pytest")] == stated
    assert set(GIVEN) <= names(REQUIRED)


def test_all_is_the_four_extras_and_the_development_extra_has_them():
    assert set(EXTRAS) == set(OPTIONAL) - {"all", "dev"}
    assert OPTIONAL["all"] == ["tf_denoise[report,study,vit,export]"]
    assert "tf_denoise[all,beam,zarr]" in OPTIONAL["dev"]


@pytest.mark.parametrize("extra", EXTRAS)
def test_an_extra_has_the_packages_that_its_sentence_names(extra):
    stated = {PACKAGES.get(name, name) for name in names(OPTIONAL[extra])}
    assert stated == set(EXTRAS[extra])


@pytest.mark.parametrize("package", sorted(OURS))
def test_every_library_that_is_imported_is_required(package):
    required = names([*PROJECT["dependencies"], *(line for extra in EXTRAS for line in OPTIONAL[extra])])
    assert imported(package) <= {PACKAGES.get(name, name) for name in required}


def test_what_is_installed_here_is_what_is_required():
    for line in REQUIRED:
        name, _, least = line.partition(">=")
        found = importlib.metadata.version(name)
        least = least.partition(",")[0]
        assert [int(n) for n in re.findall(r"\d+", found)[:3]] >= [int(n) for n in least.split(".")], line
