"""What the hosts of a training tell each other, so that all decide alike and the chief alone writes."""

import contextlib
import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tf_denoise.data.shares import Share
from tf_denoise.errors import InputError
from tf_denoise.hosts.cluster import Cluster, answers
from tf_denoise.hosts.meeting import PATIENCE, met
from tf_denoise.hosts.watcher import ended_early, watched_by_another

_TASK = re.compile(r"/job:(chief|worker)/(?:replica:\d+/)?task:(\d+)")
_EXCHANGE = re.compile("[Cc]ollective|[Cc]onnect|grpc|RPC|[Ss]ocket|heartbeat")
_LOST = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
    tf.errors.UnavailableError,
)


class Hosts:
    """The hosts that train together; often one.

    All of them run the same program. Methods that say so are called by all hosts, in the same order: each waits for the
    others in them.

    Args:
        strategy: How the devices train together.
        cluster: The hosts; `None` for one that trains alone.

    Attributes:
        clock: Seconds that are the same on all hosts, as of the last training step.
    """

    def __init__(self, strategy: tf.distribute.Strategy, cluster: Cluster | None = None):
        self.strategy, self.cluster = strategy, cluster
        self.clock = 0.0

    @property
    def count(self) -> int:
        """How many there are."""
        return 1 if self.cluster is None else len(self.cluster.addresses)

    @property
    def index(self) -> int:
        """Which of them this is."""
        return 0 if self.cluster is None else self.cluster.index

    @property
    def is_chief(self) -> bool:
        """Whether this is the one that writes the run folder."""
        return self.index == 0

    def now(self) -> float:
        """Seconds, of one clock on all hosts."""
        return time.monotonic() if self.count == 1 else self.clock

    def share(self, batch_size: int, option: str = "--batch-size") -> Share:
        """What this host takes of each batch.

        Args:
            batch_size: Images in a batch of all devices.
            option: What sets it, for the message.

        Raises:
            InputError: If the devices do not divide it.
        """
        devices = self.strategy.num_replicas_in_sync
        if batch_size % devices:
            below = batch_size // devices * devices
            nearest = " or ".join(str(size) for size in (below, below + devices) if size)
            where = "" if self.count == 1 else f" on {self.count} hosts"
            raise InputError(
                f"{option} {batch_size} cannot be dealt to {devices} devices{where}; the nearest that can: {nearest}."
            )
        if self.count == 1:
            return Share()  # whose devices, where there are several, deal the batches among themselves
        own = devices // self.count
        return Share(self.index * own, own, devices)

    def told(self, value: Any = None) -> Any:
        """The chief's value on all hosts. Called by all of them; what the others give is not looked at.

        Args:
            value: A JSON value.
        """
        if self.count == 1:
            return value
        text = self._told_bytes(json.dumps(value).encode() if self.is_chief else b"")
        return json.loads(text)

    def told_arrays(self, arrays: Sequence[np.ndarray] = ()) -> list[np.ndarray]:
        """The chief's arrays on all hosts. Called by all of them."""
        if self.count == 1:
            return list(arrays)
        kinds = self.told([[list(array.shape), array.dtype.str] for array in arrays])
        data = self._told_bytes(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays))
        found, place = [], 0
        for shape, kind in kinds:
            length = int(np.prod(shape, dtype=int))
            found.append(np.frombuffer(data, kind, length, place).reshape(shape).copy())
            place += found[-1].nbytes
        return found

    def from_all(self, text: str) -> list[str]:
        """The text of every host, in their order. Called by all of them."""
        if self.count == 1:
            return [text]
        data = text.encode(errors="backslashreplace")
        lengths = np.zeros(self.count, "int32")
        lengths[self.index] = len(data)
        lengths = self._sum(lengths)
        rows = np.zeros((self.count, int(lengths.max())), "int32")
        rows[self.index, : len(data)] = np.frombuffer(data, "uint8")
        return [
            bytes(row[:length].astype("uint8")).decode() for row, length in zip(self._sum(rows), lengths, strict=True)
        ]

    def on_chief(self, work: Callable[[], Any]) -> Any:
        """What the chief alone does; its result, a JSON value, is told to all. Called by all of them.

        Raises:
            InputError: On all hosts, if it does on the chief.
        """
        if self.count == 1:
            return work()
        outcome = {}
        if self.is_chief:
            try:
                outcome = {"result": work()}
            except InputError as error:
                outcome = {"error": str(error)}
        outcome = self.told(outcome)
        if "error" in outcome:
            raise InputError(outcome["error"])
        return outcome["result"]

    @contextlib.contextmanager
    def all_or_none(self) -> Iterator[None]:
        """What fails with an `InputError` on one host fails on all of them. The block is run by all of them."""
        if self.count == 1:
            yield
            return
        failed = ""
        try:
            yield
        except InputError as error:
            failed = str(error)
        sentences = self.from_all(failed)
        if failed:
            raise InputError(failed)
        for number, sentence in enumerate(sentences):
            if sentence:
                raise InputError(f"On the host {self._name(number)}: {sentence}")

    def agree(self, config: dict) -> None:
        """Refuse hosts that were started with another configuration than the chief's. Called by all of them.

        Args:
            config: What decides the result, as JSON values.

        Raises:
            InputError: On all hosts, if one differs.
        """
        texts = self.from_all(json.dumps(config))
        chief = json.loads(texts[0])
        for number, text in enumerate(texts):
            other = json.loads(text)
            different = [key for key in {**chief, **other} if chief.get(key) != other.get(key)]
            if different:
                key = different[0]
                raise InputError(
                    f"The host {self._name(number)} was started with another configuration: {key} is "
                    f"{_short(other.get(key))} there and {_short(chief.get(key))} on the chief. Start all hosts with "
                    "the same options, data and version."
                )

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Turn the loss of another host into a sentence.

        Raises:
            InputError: If another host ends or cannot be reached while the block runs.
        """
        try:
            yield
        except _LOST as error:
            if self.cluster is None or not _EXCHANGE.search(str(error)):
                raise
            number = self._lost(str(error))
            which = "Another host" if number is None else f"The host {self._name(number)}"
            raise InputError(
                f"{which} ended or cannot be reached, and with it the training of all. What is trained so far is in "
                "the run folder; the same command on all hosts goes on from there."
            ) from None

    def _lost(self, error: str) -> int | None:
        """Which host an error is about, by what it says; else the one that no longer answers, if it is one."""
        if self.cluster is None:
            return None
        has_chief, addresses = self.cluster.has_chief, self.cluster.addresses
        numbers = [int(task) + (has_chief and kind == "worker") for kind, task in _TASK.findall(error)]
        named = [number for number in dict.fromkeys(numbers) if number < self.count and number != self.index]
        if len(named) == 1:
            return named[0]
        asked = named or [number for number in range(self.count) if number != self.index]
        silent = [number for number in asked if not answers(addresses[number])]
        return silent[0] if len(silent) == 1 else None

    def _name(self, number: int) -> str:
        addresses = () if self.cluster is None else self.cluster.addresses
        return f"{addresses[number]} (number {number})" if addresses else "here"

    def _told_bytes(self, data: bytes) -> bytes:
        length = int(self._sum(np.array([len(data)], "int32"))[0])
        words = np.zeros(-(-length // 4), "int32")
        if self.is_chief:
            words = np.frombuffer(data.ljust(4 * len(words), b"\0"), "int32")
        return self._sum(words).tobytes()[:length]

    def _sum(self, values: np.ndarray) -> np.ndarray:
        """The sum over all hosts of integers that are zero on all but one."""
        if not values.size:
            return values
        return self.strategy.reduce(tf.distribute.ReduceOp.SUM, tf.constant(values), axis=None).numpy()


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:20]}...{text[-15:]}"


def alone() -> Hosts:
    """One host alone, with the strategy that is in force."""
    return Hosts(tf.distribute.get_strategy())


def this_host() -> Hosts:
    """One host alone, with all of its GPUs; where there are none, with its processor."""
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return Hosts(tf.distribute.MirroredStrategy(devices)) if len(devices) > 1 else alone()


def join(cluster: Cluster | None, patience: float = PATIENCE) -> Hosts:
    """Meet the other hosts. Called before TensorFlow has looked for devices.

    Args:
        cluster: The hosts, as `read_cluster` gives them; `None` for this one alone, with all its devices.
        patience: Seconds to wait for the others.

    Raises:
        InputError: If the port of this host is in use, the others do not come, they mean another cluster, or one ends
            while TensorFlow connects them. Where TensorFlow does not notice, this process is killed, with a sentence.
    """
    if cluster is None:
        return this_host()
    devices = max(1, len(tf.config.list_physical_devices("GPU")))
    with met(cluster, patience, devices) as connections, watched_by_another(connections):
        try:
            hosts = Hosts(tf.distribute.MultiWorkerMirroredStrategy(), cluster)
        except _LOST as error:
            if not _EXCHANGE.search(str(error)):
                raise
            raise InputError(ended_early("Another host")) from error
        with hosts.watched():
            hosts.clock = hosts.told(time.monotonic())
    print(f"Host {cluster.index} of {hosts.count}{' (chief)' if hosts.is_chief else ''}: all are there.", flush=True)
    return hosts
