"""The hosts meet before TensorFlow starts: TensorFlow itself waits for all of them in silence, and for ever.

Each host reports to the chief at the chief's port, where TensorFlow will listen afterwards. The chief waits for all,
finds out whether they mean the same cluster, and gives the sign.
"""

import contextlib
import json
import socket
import time
from collections.abc import Callable, Iterator

from tf_denoise.errors import InputError
from tf_denoise.hosts.cluster import Cluster, answers, name_of, port_of, port_refused

PATIENCE = 600.0
"""Seconds that a host waits for the others to start."""
_SAID_EVERY = 10.0
_LONGEST = 2**16
_TURN = 0.5


@contextlib.contextmanager
def met(cluster: Cluster, patience: float = PATIENCE, devices: int = 1) -> Iterator[dict[str, socket.socket]]:
    """Wait until all hosts are there. While it waits it says for whom.

    Gives connections by the addresses of who is at their other end, which are open while the block runs: the chief's to
    all, that of every other host to the chief.

    Args:
        cluster: The hosts.
        patience: Seconds to wait.
        devices: How many devices this host trains on: all must have as many.

    Raises:
        InputError: If the port of this host is in use, a host does not come in time, or two of them were given
            different clusters or the same index, or cannot be reached; then on all that are there.
    """
    present: dict[int, socket.socket] = {}
    try:
        with _listening(cluster) as server:  # every host holds its port until TensorFlow takes it
            if cluster.is_chief:
                _gather(server, cluster, present, patience, devices)
            else:
                present[0] = _report(cluster, patience, devices)
        yield {cluster.addresses[index]: host for index, host in present.items()}
    finally:
        for host in present.values():
            host.close()


def _gather(
    server: socket.socket, cluster: Cluster, present: dict[int, socket.socket], patience: float, devices: int
) -> None:
    """What the chief does; `present` gets its connections to the others, by their indices."""
    try:
        for _ in _said(patience, lambda: _missing(cluster, present)):
            _accept(server, cluster, present, devices)
            for index in [index for index, host in present.items() if _has_left(host)]:
                present.pop(index).close()
            if len(present) == len(cluster.addresses) - 1:
                break
    except InputError as error:
        for host in present.values():
            _send(host, {"error": str(error)})
        raise
    server.close()  # the port is free again
    for host in present.values():
        _send(host, {"start": True})


def _listening(cluster: Cluster) -> socket.socket:
    both = socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both else socket.AF_INET
    try:
        port = port_of(cluster.addresses[cluster.index])
        server = socket.create_server(("", port), family=family, dualstack_ipv6=both)
    except OSError as error:
        raise port_refused(cluster, error) from None
    server.settimeout(_TURN)
    return server


def _accept(server: socket.socket, cluster: Cluster, present: dict[int, socket.socket], devices: int) -> None:
    """Take in a host that reports, if one does now."""
    try:
        host, _ = server.accept()
    except TimeoutError:
        return
    host.settimeout(5.0)
    hello = _receive(host)
    index, addresses = (hello.get(key) for key in ("index", "addresses")) if hello else (None, None)
    if not isinstance(index, int) or not isinstance(addresses, list):
        host.close()  # a stranger, such as one who looks which ports are open
        return
    problem = None
    if addresses != list(cluster.addresses):
        problem = f"TF_CONFIG names other hosts on number {index} than on the chief: {_difference(cluster, addresses)}"
    elif hello.get("has_chief") != cluster.has_chief:
        problem = f"{cluster.addresses[0]} is a chief for one of them and a worker for the other in TF_CONFIG"
    elif not 0 < index < len(addresses):
        problem = f"two hosts have the index of {cluster.addresses[0]} in TF_CONFIG"
    elif index in present and not _has_left(present[index]):
        problem = f"two hosts have the index of {cluster.addresses[index]} in TF_CONFIG"
    elif hello.get("devices") != devices:
        problem = f"{addresses[index]} has {hello.get('devices')} devices and the chief {devices}; expected as many"
    elif not answers(addresses[index]):
        problem = f"the chief cannot reach {addresses[index]}, which has reported: is its port open to others"
    if problem is not None:
        error = InputError(f"The hosts cannot train together: {problem}.")
        _send(host, {"error": str(error)})
        host.close()
        raise error
    _notice_loss(host)
    present[index] = host


def _difference(cluster: Cluster, addresses: list) -> str:
    there, here = (" ".join(map(str, names)) for names in (addresses, cluster.addresses))
    return f"{there[:60]} there, {here[:60]} here"


def _report(cluster: Cluster, patience: float, devices: int) -> socket.socket:
    """What every other host does; its connection to the chief."""
    chief = cluster.addresses[0]
    hello = {"index": cluster.index, "addresses": list(cluster.addresses), "has_chief": cluster.has_chief}
    hello["devices"] = devices
    state = {"now": ""}
    connection: socket.socket | None = None
    with contextlib.ExitStack() as held:
        for _ in _said(patience, lambda: f"the chief {chief}{state['now']}"):
            if connection is None:
                connection = _connected(chief)
                if connection is not None:
                    held.enter_context(connection)
                    _notice_loss(connection)
                    _send(connection, hello)
                    connection.settimeout(_TURN)
                    state["now"] = ", which waits for others"
                continue
            try:
                answer = _receive(connection, may_wait=True)
            except TimeoutError:
                continue
            if answer is None:  # the chief ended, and may start again
                held.close()
                connection, state["now"] = None, ""
                time.sleep(_TURN)
            elif "error" in answer:
                raise InputError(str(answer["error"]))
            elif answer.get("start"):
                held.pop_all()
                return connection
    raise AssertionError("waiting ends with an error")


def _connected(address: str) -> socket.socket | None:
    try:
        return socket.create_connection((name_of(address), port_of(address)), timeout=2.0)
    except OSError:
        time.sleep(_TURN)
        return None


def _notice_loss(connection: socket.socket) -> None:
    """Let a connection break within half a minute where its other end is cut off, and not in hours."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, name):  # not on every system
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _missing(cluster: Cluster, present: dict[int, socket.socket]) -> str:
    return " and ".join(cluster.addresses[index] for index in range(1, len(cluster.addresses)) if index not in present)


def _said(patience: float, whom: Callable[[], str]) -> Iterator[None]:
    """Turns to wait in; every ten seconds it is said for whom, and in the end that it was for nothing."""
    started = said = time.monotonic()
    while True:
        yield
        now = time.monotonic()
        if now - started > patience:
            raise InputError(f"Gave up after {patience:.0f} s of waiting for {whom()}; start the same command there.")
        if now - said > _SAID_EVERY:
            said = now
            print(f"Waiting for {whom()}.", flush=True)


def _send(connection: socket.socket, message: dict) -> None:
    with contextlib.suppress(OSError):  # it has left, and will be missed
        connection.sendall(json.dumps(message).encode() + b"\n")


def _receive(connection: socket.socket, may_wait: bool = False) -> dict | None:
    """A message; `None` where the other side has left, or sends something else.

    Raises:
        TimeoutError: If nothing comes, and `may_wait`.
    """
    data = b""
    while not data.endswith(b"\n") and len(data) < _LONGEST:
        try:
            part = connection.recv(4096)
        except TimeoutError:
            if may_wait and not data:
                raise
            return None
        except OSError:
            return None
        if not part:
            return None
        data += part
    try:
        message = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None


def _has_left(host: socket.socket) -> bool:
    """Whether a host that waits for the sign has ended: it sends nothing while it waits."""
    host.setblocking(False)
    try:
        return host.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        host.settimeout(5.0)
