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
    "beam": ("apache_beam",),
    "zarr": ("zarr",),
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
    missing = [package for package in packages if not _is_installed(package)]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise MissingExtraError(
            f"{' and '.join(missing)} {verb} needed for this and {verb} not installed; {way_to_install(*missing)}."
        )


def way_to_install(*packages: str) -> str:
    """The line that installs the packages, as the end of a sentence.

    Raises:
        KeyError: If no extra has one.

    Example:
        >>> way_to_install("keras_hub")
        'pip install ".[vit]" in a copy of tf_denoise brings it'
    """
    extras = ",".join(dict.fromkeys(map(_extra_of, packages)))
    return f'pip install ".[{extras}]" in a copy of tf_denoise brings {"it" if len(packages) == 1 else "them"}'


def _extra_of(package: str) -> str:
    for extra, packages in EXTRAS.items():
        if package in packages:
            return extra
    raise KeyError(package)


def _is_installed(package: str) -> bool:
    _extra_of(package)  # what no extra has is a slip of ours, installed or not
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):  # hidden, or imported in part
        return False
