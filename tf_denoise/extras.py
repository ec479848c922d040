"""Packages that not every use needs: which extra of this package brings them, said in one sentence where one lacks."""

import importlib
import importlib.util
from types import ModuleType

from tf_denoise.errors import InputError

EXTRAS = {
    "report": ("matplotlib", "jinja2", "tensorboard"),
    "study": ("sklearn", "skimage", "cv2", "openTSNE"),
    "vit": ("keras_hub",),
    "export": ("tensorflow_serving", "tf2onnx"),
}
"""The packages of each extra, by the name under which they are imported."""


class MissingExtraError(InputError, ImportError):
    """A package of an extra is not installed."""


def require(module: str) -> ModuleType:
    """Import a package of an extra, or a module of such a package.

    Raises:
        MissingExtraError: If it is not installed; the sentence holds the line that installs it.
        KeyError: If no extra has it.
    """
    check_installed(module.partition(".")[0])
    return importlib.import_module(module)


def check_installed(*packages: str) -> None:
    """Refuse to begin where a package of an extra is not installed; none of them is imported.

    Raises:
        MissingExtraError: If one or more are not.
        KeyError: If no extra has one.
    """
    extras = {package: _extra_of(package) for package in packages}
    missing = [package for package in packages if not _is_installed(package)]
    if missing:
        raise MissingExtraError(_sentence(missing, list(dict.fromkeys(extras[package] for package in missing))))


def _extra_of(package: str) -> str:
    for extra, packages in EXTRAS.items():
        if package in packages:
            return extra
    raise KeyError(package)


def _is_installed(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):  # hidden, or imported in part
        return False


def _sentence(packages: list[str], extras: list[str]) -> str:
    verb = "is" if len(packages) == 1 else "are"
    return (
        f"{' and '.join(packages)} {verb} needed for this and {verb} not installed; "
        f'pip install ".[{",".join(extras)}]" in a copy of tf_denoise brings {"it" if len(packages) == 1 else "them"}.'
    )
