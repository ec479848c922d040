"""What several tests share: small data, small options, and commands run in a process of their own."""

import functools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tf_denoise.data.digits import load_digits

ROOT = Path(__file__).resolve().parents[2]
EPOCH_DRAWS = 256
"""Stands in for the 60,000 draws of an epoch."""
OPTIONS = {
    "--epochs": "2",
    "--hidden-units": "16",
    "--batch-size": "64",
    "--children": ("25", "multi"),
    "--tsne-points": "24",
}


@functools.cache
def _embedded():
    return load_digits("digits")


def tiny_arrays(train: int = 120, test: int = 24) -> dict[str, np.ndarray]:
    """The arrays of an .npz file with a few of the embedded digits."""
    digits = _embedded()
    return {
        "x_train": digits.x_train[:train].reshape(-1, 28, 28),
        "y_train": digits.y_train[:train],
        "x_test": digits.x_test[:test].reshape(-1, 28, 28),
        "y_test": digits.y_test[:test],
    }


def command_line(dataset, output, **changed) -> list[str]:
    """The arguments of a tiny run: `OPTIONS`, with `one_level="30"` and the like changed; `None` drops one."""
    options = OPTIONS | {f"--{name.replace('_', '-')}": value for name, value in changed.items()}
    words = ["--dataset", str(dataset), "--output", str(output), "--no-jit-compile"]
    for name, value in options.items():
        if value is not None:
            words += [name, *([value] if isinstance(value, str) else value)]
    return words


def python(*arguments, timeout: float = 240, **environment) -> subprocess.CompletedProcess:
    """Run the interpreter in the root of the repository."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


# Kills its own process, as `kill -9` does, at the moment when a file is about to get its name for the n-th time.
_MORTAL = """
import os, signal, sys
place, count, *arguments = sys.argv[1:]
left, rename = int(count), os.replace

def replace(source, target):
    global left
    left -= str(target).endswith(place)
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    rename(source, target)

os.replace = replace
from tf_denoise.commands.startup import start_tensorflow
start_tensorflow()
"""


def mortal(code: str, place: str, count: int, *arguments) -> subprocess.CompletedProcess:
    """Run code, which finds its `arguments`, and kill it when a file that ends in `place` gets its name again."""
    return python("-c", _MORTAL + code, place, count, *arguments)


def refusal(capsys, command, arguments) -> str:
    """The one line that a command leaves on standard error, with status 2."""
    with pytest.raises(SystemExit) as end:
        command(arguments)
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert "Traceback" not in error
    return error


def files_of(folder: Path) -> dict[str, bytes]:
    """The content of every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
