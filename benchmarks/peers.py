"""What the benchmarks share: peers in processes of their own that take turns, and the description of the machine."""

import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable

from tf_denoise.machine import usable_cores

_MARK = "@result "
_REST_SECONDS = 0.3  # threads of the last peer that still spin for work go to sleep


class Peer:
    """A process of its own that measures on request and sleeps otherwise.

    Args:
        name: Passed to the script after `--peer`.
        arguments: Further arguments of the script.
    """

    def __init__(self, name: str, *arguments: str):
        command = [sys.executable, sys.argv[0], *arguments, "--peer", name]
        environment = {"TF_CPP_MIN_LOG_LEVEL": "2", **os.environ}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self.ready = self._read()

    def ask(self, task: str):
        """The result of a task."""
        time.sleep(_REST_SECONDS)
        self.process.stdin.write(task + "\n")
        self.process.stdin.flush()
        return self._read()

    def _read(self):
        for line in self.process.stdout:
            if line.startswith(_MARK):
                return json.loads(line.removeprefix(_MARK))
        raise SystemExit(f"The process of a peer ended with status {self.process.wait()}; its message stands above.")

    def close(self) -> None:
        """End the process."""
        self.process.stdin.close()
        self.process.wait()


def serve(tasks: dict[str, Callable[[], object]], ready: dict) -> None:
    """The peer's side: run tasks by name until the input ends."""
    print(_MARK + json.dumps(ready), flush=True)
    for line in sys.stdin:
        print(_MARK + json.dumps(tasks[line.strip()]()), flush=True)


def machine(*packages: str) -> str:
    """One line on the processor, its cores and the versions that matter."""
    fields = {}
    with open("/proc/cpuinfo") as lines:
        for line in lines:
            key, _, value = line.partition(":")
            fields.setdefault(key.strip(), value.strip())
    flags = fields.get("flags", "").split()
    wide = next((name for name in ("amx_tile", "avx512f", "avx2") if name in flags), "no AVX2")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    return (
        f"{fields.get('model name', platform.machine())}, family {fields.get('cpu family')}, model "
        f"{fields.get('model')}, {wide}, {usable_cores()} cores; "
        f"Python {platform.python_version()}, {versions}"
    )
