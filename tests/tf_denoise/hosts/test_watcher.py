"""The process that watches the connections to other hosts, held against one that stands for TensorFlow's wait."""

import os
import signal
import socket
import subprocess
import sys

import pytest
from helpers import ROOT

WAIT = """
import signal, socket, sys, time
from tf_denoise.hosts.watcher import watched_by_another
connection = socket.socket(fileno=int(sys.argv[1]))
with watched_by_another({"two:2222": connection}):
    signal.signal(signal.SIGINT, lambda *_: None)
    print("waits", flush=True)
    until = time.monotonic() + float(sys.argv[2])
    while time.monotonic() < until:
        time.sleep(0.05)
print("through")
"""
SENTENCE = (
    "error: The host two:2222 ended while TensorFlow connected the hosts. The same command on all hosts starts again.\n"
)
pytestmark = [pytest.mark.process, pytest.mark.skipif(os.name != "posix", reason="nobody watches there")]


@pytest.fixture
def start():
    """Starts the process that waits so many seconds; gives it and the other end of its connection."""
    begun = []

    def begin(seconds):
        here, there = socket.socketpair()
        process = subprocess.Popen(
            [sys.executable, "-c", WAIT, str(there.fileno()), str(seconds)],
            cwd=ROOT, pass_fds=[there.fileno()], text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # which a job in the background ignores
        )  # fmt: skip
        there.close()
        begun.append((process, here))
        assert process.stdout.readline() == "waits\n"
        return process, here

    yield begin
    for process, here in begun:
        here.close()
        process.kill()
        process.communicate()


def test_a_connection_that_breaks_ends_the_process_with_a_sentence(start):
    process, other = start(60)
    other.close()
    _, said = process.communicate(timeout=30)
    assert process.returncode == -signal.SIGKILL
    assert said == SENTENCE


def test_one_that_is_through_may_leave_and_the_others_too(start):
    process, other = start(1.5)
    other.sendall(b".")
    other.close()
    out, said = process.communicate(timeout=30)
    assert (process.returncode, out, said) == (0, "through\n", "")


def test_the_other_host_is_told_of_the_end(start):
    process, other = start(0.1)
    other.settimeout(30)
    assert other.recv(10) == b"."
    assert other.recv(10) == b""
    assert process.wait(30) == 0


def test_an_interrupt_ends_the_process_that_does_not_hear_it(start):
    process, _ = start(60)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == -signal.SIGTERM
