"""Hosts of a training as processes of this machine, each with a `TF_CONFIG` of its own."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from helpers import ROOT

PATIENCE = 900.0


def free_addresses(count: int) -> list[str]:
    """Addresses of this machine whose ports nobody listens on just now."""
    with contextlib.ExitStack() as held:
        taken = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in taken:
            one.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{one.getsockname()[1]}" for one in taken]


class Host:
    """A process that is one host; what it says goes into a file."""

    def __init__(self, words: Sequence[object], addresses: Sequence[str], index: int, log: Path):
        self.log, self.address = log, addresses[index]
        config = {"cluster": {"worker": list(addresses)}, "task": {"type": "worker", "index": index}}
        threads = {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1"}
        with open(log, "w") as output:
            self.process = subprocess.Popen(
                [sys.executable, *map(str, words)],
                cwd=ROOT,
                env={**os.environ, **threads, "TF_CONFIG": json.dumps(config), "PYTHONUNBUFFERED": "1"},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def said(self) -> str:
        return self.log.read_text()

    def wait_for(self, words: str) -> None:
        """Wait until it says something."""
        until = time.monotonic() + PATIENCE
        while words not in self.said:
            assert self.process.poll() is None, self.said
            assert time.monotonic() < until, self.said
            time.sleep(0.1)

    def end(self, seconds: float = PATIENCE) -> int:
        """Its exit status."""
        return self.process.wait(seconds)


@contextlib.contextmanager
def several_hosts(commands: Sequence[Sequence[object]], folder: Path) -> Iterator[list[Host]]:
    """Start a command of each host; they are killed when the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    addresses = free_addresses(len(commands))
    hosts = [Host(words, addresses, index, folder / f"host{index}.log") for index, words in enumerate(commands)]
    try:
        yield hosts
    finally:
        for host in hosts:
            host.process.kill()
            host.process.wait()


def train_together(commands: Sequence[Sequence[object]], folder: Path) -> list[str]:
    """What each host said of a training that all of them brought to its end."""
    with several_hosts(commands, folder) as hosts:
        statuses = [host.end() for host in hosts]
        said = [host.said for host in hosts]
    assert statuses == [0] * len(hosts), said
    return said
