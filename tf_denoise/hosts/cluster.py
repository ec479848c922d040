"""The hosts of a training, as `TF_CONFIG` names them."""

import dataclasses
import json
import os
import re
import socket
from collections.abc import Mapping
from typing import Any

from tf_denoise.errors import InputError, reason

VARIABLE = "TF_CONFIG"
_EXAMPLE = '{"cluster": {"worker": ["HOST:PORT", "HOST:PORT"]}, "task": {"type": "worker", "index": 0}}'
_KINDS = ("chief", "worker")
_NAME = re.compile(r"[\w.-]+|\[[0-9a-fA-F:.%\w]+\]")


@dataclasses.dataclass(frozen=True)
class Cluster:
    """All hosts, and which of them this is.

    Attributes:
        addresses: `HOST:PORT` of each host, the chief's first.
        index: Place of this host among them.
        has_chief: Whether the first of them is a `chief` of its own, and no `worker`.
    """

    addresses: tuple[str, ...]
    index: int
    has_chief: bool = False

    @property
    def is_chief(self) -> bool:
        """Whether this host writes the run folder."""
        return self.index == 0

    @property
    def others(self) -> tuple[str, ...]:
        """The addresses of the other hosts."""
        return self.addresses[: self.index] + self.addresses[self.index + 1 :]


def read_cluster(environment: Mapping[str, str] = os.environ) -> Cluster | None:
    """The hosts that `TF_CONFIG` names, or `None` where it names one alone, or is not set.

    The chief is the `chief`, or the first `worker` where there is none.

    Args:
        environment: The variables of the process.

    Raises:
        InputError: If it contradicts itself, or names kinds of hosts that take no part in such a training.

    Example:
        >>> workers = '{"cluster": {"worker": ["one:2222", "two:2222"]}, "task": {"type": "worker", "index": 1}}'
        >>> read_cluster({"TF_CONFIG": workers})
        Cluster(addresses=('one:2222', 'two:2222'), index=1, has_chief=False)
    """
    text = environment.get(VARIABLE, "").strip()
    if not text:
        return None
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{VARIABLE} is not JSON ({reason(error)}); expected {_EXAMPLE}.") from None
    jobs, task = (_object(config, key) for key in ("cluster", "task"))
    if not jobs and not task:
        return None  # as some systems set it for a single machine
    for kind in jobs:
        if kind not in _KINDS:
            what = {"ps": "parameter servers", "evaluator": "a host for evaluation alone"}.get(kind, f"{kind!r}")
            raise InputError(f"{VARIABLE} names {what}; expected workers alone, and a chief where there is one.")
    addresses = {kind: _addresses(kind, jobs[kind]) for kind in _KINDS if kind in jobs}
    everywhere = [address for kind in addresses.values() for address in kind]
    if not everywhere:
        raise InputError(f"{VARIABLE} names no host; expected {_EXAMPLE}.")
    if len(addresses.get("chief", ())) > 1:
        raise InputError(f"{VARIABLE} names {len(addresses['chief'])} chiefs; expected one.")
    twice = next((address for address in everywhere if everywhere.count(address) > 1), None)
    if twice is not None:
        raise InputError(f"{VARIABLE} names {twice} twice; expected an address of its own for each host.")
    kind, index = task.get("type"), task.get("index")
    if not isinstance(kind, str) or kind not in addresses:
        expected = " or ".join(repr(kind) for kind in addresses)
        raise InputError(f'{VARIABLE} has a task of type {kind!r}; expected {expected}, as "cluster" has them.')
    count = len(addresses[kind])
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < count:
        raise InputError(
            f'{VARIABLE} has a task of index {index!r}; expected one of 0..{count - 1}: "cluster" has {count} '
            f"address{'' if count == 1 else 'es'} of {kind}s."
        )
    if len(everywhere) == 1:
        return None
    has_chief = "chief" in jobs
    return Cluster(tuple(everywhere), index + (has_chief and kind == "worker"), has_chief)


def _object(config: object, key: str) -> dict:
    value = config.get(key, {}) if isinstance(config, dict) else None
    if not isinstance(value, dict):
        raise InputError(f'{VARIABLE} has no "{key}" that is an object; expected {_EXAMPLE}.')
    return value


def _addresses(kind: str, listed: Any) -> list[str]:
    """The addresses of a kind of host, which TensorFlow takes as a list or as an object of indices."""
    if isinstance(listed, dict):
        wrong = [key for key in listed if not (key.isascii() and key.isdigit() and str(int(key)) == key)]
        if wrong:
            raise InputError(f"{VARIABLE} names {kind}s by {', '.join(wrong)}; expected indices from 0.")
        missing = [index for index in range(len(listed)) if str(index) not in listed]
        if missing:
            raise InputError(f"{VARIABLE} has no address for {kind} {missing[0]}; expected HOST:PORT.")
        listed = [listed[str(index)] for index in range(len(listed))]
    if not isinstance(listed, list):
        raise InputError(f"{VARIABLE} has {kind}s that are not a list of addresses; expected {_EXAMPLE}.")
    for index, address in enumerate(listed):
        if address in (None, ""):
            raise InputError(f"{VARIABLE} has no address for {kind} {index}; expected HOST:PORT.")
        host, _, port = address.rpartition(":") if isinstance(address, str) else ("", "", "")
        is_name = bool(_NAME.fullmatch(host))
        if not is_name or not (port.isascii() and port.isdigit() and len(port) < 6 and 0 < int(port) < 65_536):
            raise InputError(f"{VARIABLE} has {address!r} as the address of {kind} {index}; expected HOST:PORT.")
    return listed


def port_of(address: str) -> int:
    """The port of an address."""
    return int(address.rpartition(":")[2])


def name_of(address: str) -> str:
    """The host of an address, without the brackets of IPv6."""
    return address.rpartition(":")[0].strip("[]")


def port_refused(cluster: Cluster, error: OSError) -> InputError:
    """What is said where the port of this host cannot be opened."""
    return InputError(
        f"The port of {cluster.addresses[cluster.index]}, this host in {VARIABLE}, cannot be opened: {reason(error)}. "
        "Is a training still running here? End it, or name another port on all hosts."
    )


def answers(address: str, seconds: float = 3.0) -> bool:
    """Whether something listens at an address."""
    try:
        socket.create_connection((name_of(address), port_of(address)), timeout=seconds).close()
    except OSError:
        return False
    return True
