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

from tf_denoise.runs.folder import network_folder
from tf_denoise.runs.loading import load_network

PATIENCE = 900.0
START = """
import training.textures.choices, training.textures.__main__
from tf_denoise.models import UNet
training.textures.choices.UNet = lambda channels: UNet(channels, widths=(4, 8), blocks=1)
training.textures.__main__.main(arguments)
"""
SLOW = f"""
import sys, time
import keras
arguments = sys.argv[1:]
step = keras.optimizers.Adam.apply
class Slow(keras.callbacks.CallbackList):
    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(batch, logs)
        time.sleep(0.2)
keras.callbacks.CallbackList = Slow
{START}
"""
"""Steps that take long enough for a test to come in between."""


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


def words(output, **changed):
    """The options of a short training of textures."""
    options = {"output": output, "steps": 100, "crop_size": 16, "batch_size": 12, "loss": "mse"}
    options |= {"mixed_precision": "none"} | changed
    return [
        word for name, value in options.items() if value is not None for word in (f"--{name.replace('_', '-')}", value)
    ]


def command(photographs, output, script=f"import sys\narguments = sys.argv[1:]\n{START}", **changed):
    """A short training of textures, of a small network."""
    return ["-c", script, *words(output, **{"data": photographs} | changed)]


def weights(run, name="mse"):
    """The trained weights of a run."""
    return load_network(network_folder(run, 1, name)).get_weights()
