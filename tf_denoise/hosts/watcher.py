"""Ends this host where another ends while TensorFlow connects them.

TensorFlow waits for the lost one for an hour then, and holds Python's lock, so that no thread of this process could say
or do anything. So the connections of the meeting stay open meanwhile, and a process of its own watches them.
"""

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping

_THROUGH = b"."


@contextlib.contextmanager
def watched_by_another(connections: Mapping[str, socket.socket]) -> Iterator[None]:
    """While the block runs, another process says so and kills this one where a connection to another host breaks.

    Args:
        connections: Connections to hosts that are watched alike, by their addresses. Where a block ends there, this
            is told over the connection, and it may break.
    """
    with contextlib.ExitStack() as held:
        if os.name == "posix":
            places = [f"{connection.fileno()}={address}" for address, connection in connections.items()]
            command = [sys.executable, "-I", __file__, str(os.getpid()), *places]
            inherited = [connection.fileno() for connection in connections.values()]
            watcher = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=inherited)
            held.enter_context(watcher)  # which ends with its standard input
            if watcher.stdout is not None:
                watcher.stdout.read(1)  # it watches
        yield
        for connection in connections.values():
            with contextlib.suppress(OSError):
                connection.sendall(_THROUGH)


def ended_early(which: str) -> str:
    """What is said of a host that is lost so early."""
    return f"{which} ended while TensorFlow connected the hosts. The same command on all hosts starts again."


def _watch(process: int, addresses: dict[int, str]) -> None:
    """What the other process does, until its standard input is closed."""
    print(".", end="", flush=True)
    while True:
        ready, _, _ = select.select([0, *addresses], [], [])
        if 0 in ready:
            return
        for connection in ready:
            try:
                through = os.read(connection, 1)
            except BlockingIOError:
                continue
            except OSError:
                through = b""
            address = addresses.pop(connection)
            if not through:
                print(f"error: {ended_early(f'The host {address}')}", file=sys.stderr, flush=True)
                os.kill(process, signal.SIGKILL)
                return


if __name__ == "__main__":
    watched = int(sys.argv[1])
    try:
        _watch(watched, {int(place): name for place, _, name in (word.partition("=") for word in sys.argv[2:])})
    except KeyboardInterrupt:  # which the other process may not hear of as long as TensorFlow waits
        os.kill(watched, signal.SIGTERM)
