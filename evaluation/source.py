"""Which state of the code makes a number: a hash of the packages' files and, of a git checkout, its commit."""

import hashlib
import importlib.metadata
import os
import subprocess
from pathlib import Path

PACKAGES = ("tf_denoise", "evaluation", "training")
"""What decides a number. Two states that differ elsewhere, such as in a page of documentation, are one state."""
_ROOT = Path(__file__).resolve().parent.parent
SCORED_FILE = "scored.json"
"""In a run folder: the state of the code that its networks were scored with."""


def source(root: Path | None = None) -> dict:
    """The state of the code.

    Args:
        root: The folder that the packages lie in; defaults to that of the packages in use.

    Returns:
        `version` of the package; `code`, a hash of the files of the three packages; and where they lie in a git
        checkout of their own `commit`, `tags` of that commit, and `clean`: whether the packages are as committed. Else
        `commit` and `clean` are `None`.
    """
    root = _ROOT if root is None else root
    try:
        version = importlib.metadata.version("tf_denoise")
    except importlib.metadata.PackageNotFoundError:
        version = "unknown"
    found = {"version": version, "code": code_hash(root), "commit": None, "tags": [], "clean": None}
    # A virtual environment may lie within a checkout of something else: the packages themselves must be tracked.
    if _git(root, "ls-files", "--error-unmatch", f"{PACKAGES[0]}/__init__.py") is None:
        return found
    return found | {
        "commit": (_git(root, "rev-parse", "HEAD") or "").strip() or None,
        "tags": (_git(root, "tag", "--points-at", "HEAD") or "").split(),
        "clean": _git(root, "status", "--porcelain", "--", *PACKAGES) == "",
    }


def code_hash(root: Path | None = None) -> str:
    """Twelve digits that depend on the name and the content of every file of the packages.

    Args:
        root: The folder that they lie in; defaults to that of the packages in use.
    """
    root = _ROOT if root is None else root
    digest = hashlib.sha256()
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*")):
            if os.path.isfile(path) and "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(root).as_posix()}\0{path.stat().st_size}\0".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _git(root: Path, *words: str) -> str | None:
    """What git prints; `None` where there is no git, or it refuses."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "-C", str(root), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if done.returncode == 0 else None
