"""Paths that somebody typed. `os.path` looks at them: `pathlib` raises where a name is too long or a folder is shut."""

import os
from pathlib import Path


def real_path(path: str | Path) -> Path:
    """A path in full and without links, as far as it can be told.

    Where links lead in a circle the path ends among them, and whoever opens it is told so; `Path.resolve` raises.
    """
    return Path(os.path.realpath(path))
