"""Hosts that meet, as threads of this process: no TensorFlow is needed for it."""

import contextlib
import json
import socket
import threading
import time

import pytest
from several_hosts import free_addresses

import tf_denoise.hosts.meeting
from tf_denoise.errors import InputError
from tf_denoise.hosts.cluster import Cluster, name_of, port_of
from tf_denoise.hosts.meeting import met


class Meeting:
    """A host that meets the others in a thread; `outcome` is "met" or its sentence."""

    def __init__(self, addresses, index, patience=20.0, has_chief=False, devices=1):
        self.outcome, self.devices, self.connected = "", devices, set()
        self.cluster, self.patience = Cluster(tuple(addresses), index, has_chief), patience
        self.thread = threading.Thread(target=self._meet, daemon=True)
        self.thread.start()

    def _meet(self):
        try:
            with met(self.cluster, self.patience, self.devices) as connections:
                self.outcome, self.connected = "met", set(connections)
        except InputError as error:
            self.outcome = str(error)

    def end(self) -> str:
        self.thread.join(30)
        return self.outcome


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    monkeypatch.setattr(tf_denoise.hosts.meeting, "_SAID_EVERY", 0.3)
    monkeypatch.setattr(tf_denoise.hosts.meeting, "_TURN", 0.05)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_all_meet_in_whatever_order_they_come(order):
    addresses = free_addresses(3)
    meetings = []
    for index in order:
        meetings.append(Meeting(addresses, index))
        time.sleep(0.2)
    assert [meeting.end() for meeting in meetings] == ["met"] * 3
    others = set(addresses[1:])
    assert [meeting.connected for meeting in meetings] == [{addresses[0]} if index else others for index in order]


def test_nobody_starts_before_the_last_is_there(capsys):
    addresses = free_addresses(3)
    chief, first = Meeting(addresses, 0), Meeting(addresses, 1)
    time.sleep(1.0)
    assert (chief.outcome, first.outcome) == ("", "")
    told = capsys.readouterr().out
    assert f"Waiting for {addresses[2]}.\n" in told
    assert f"Waiting for the chief {addresses[0]}, which waits for others.\n" in told
    last = Meeting(addresses, 2)
    assert [meeting.end() for meeting in (chief, first, last)] == ["met"] * 3


def test_a_late_chief_is_waited_for(capsys):
    addresses = free_addresses(2)
    other = Meeting(addresses, 1)
    time.sleep(0.8)
    assert f"Waiting for the chief {addresses[0]}.\n" in capsys.readouterr().out
    assert [Meeting(addresses, 0).end(), other.end()] == ["met"] * 2


def test_who_waits_in_vain_says_for_whom():
    addresses = free_addresses(3)
    chief, other = Meeting(addresses, 0, patience=3.0), Meeting(addresses, 1)
    sentence = f"Gave up after 3 s of waiting for {addresses[2]}; start the same command there."
    assert [chief.end(), other.end()] == [sentence] * 2
    assert "waiting for the chief" in Meeting(free_addresses(2), 1, patience=0.3).end()


def test_other_addresses_are_refused_on_both():
    addresses = free_addresses(2)
    chief = Meeting(addresses, 0)
    other = Meeting([*addresses, "three:1"], 1)
    for meeting in (chief, other):
        assert "TF_CONFIG names other hosts on number 1 than on the chief" in meeting.end()


@pytest.mark.parametrize("index", [0, 1])
def test_one_index_twice_is_refused(monkeypatch, index):
    addresses = free_addresses(3)
    chief, other = Meeting(addresses, 0), Meeting(addresses, 1)
    time.sleep(0.5)
    monkeypatch.setattr(tf_denoise.hosts.meeting, "_listening", lambda cluster: socket.socket())  # on another machine
    monkeypatch.setattr(Cluster, "is_chief", property(lambda cluster: False))
    twice = Meeting(addresses, index)
    for meeting in (chief, other, twice):
        assert f"two hosts have the index of {addresses[index]} in TF_CONFIG" in meeting.end()


@pytest.mark.parametrize(
    ("of_other", "sentence"),
    [
        ({"has_chief": True}, "is a chief for one of them and a worker for the other in TF_CONFIG"),
        ({"devices": 2}, "has 2 devices and the chief 1; expected as many"),
    ],
)
def test_what_the_addresses_do_not_tell_is_compared_too(of_other, sentence):
    addresses = free_addresses(2)
    for meeting in (Meeting(addresses, 0), Meeting(addresses, 1, **of_other)):
        assert sentence in meeting.end()


def test_a_host_that_the_chief_cannot_reach_is_refused(monkeypatch):
    addresses = free_addresses(2)
    monkeypatch.setattr(tf_denoise.hosts.meeting, "answers", lambda address: False)
    for meeting in (Meeting(addresses, 0), Meeting(addresses, 1)):
        assert f"the chief cannot reach {addresses[1]}, which has reported" in meeting.end()


def test_who_is_sent_away_does_not_knock_without_end():
    addresses, knocks = free_addresses(2), 0
    with socket.create_server(("", port_of(addresses[0]))) as server:
        server.settimeout(0.1)
        other, until = Meeting(addresses, 1, patience=0.8), time.monotonic() + 1.5
        while time.monotonic() < until:
            with contextlib.suppress(TimeoutError):
                server.accept()[0].close()
                knocks += 1
    assert "waiting for the chief" in other.end()
    assert 0 < knocks < 40


def test_strangers_are_let_go_and_one_who_left_may_come_again():
    addresses = free_addresses(2)
    chief = Meeting(addresses, 0)
    time.sleep(0.3)
    place = name_of(addresses[0]), port_of(addresses[0])
    for said in (b"", b"GET / HTTP/1.1\r\n\r\n", b"[1]\n", b'{"index": "1"}\n'):
        with socket.create_connection(place) as stranger:
            stranger.sendall(said)
    addresses_3 = free_addresses(3)
    chief_3 = Meeting(addresses_3, 0)
    time.sleep(0.3)
    hello = {"index": 1, "addresses": addresses_3, "has_chief": False, "devices": 1}
    with socket.create_server(("", port_of(addresses_3[1]))):
        with socket.create_connection((name_of(addresses_3[0]), port_of(addresses_3[0]))) as left:
            left.sendall(json.dumps(hello).encode() + b"\n")
            time.sleep(0.5)
        assert chief_3.outcome == ""
    assert [Meeting(addresses, 1).end(), chief.end()] == ["met"] * 2
    assert [meeting.end() for meeting in (Meeting(addresses_3, 1), Meeting(addresses_3, 2), chief_3)] == ["met"] * 3


@pytest.mark.parametrize("index", [0, 1])
def test_a_port_in_use_is_refused(index):
    addresses = free_addresses(2)
    with socket.create_server(("", port_of(addresses[index]))):
        assert f"The port of {addresses[index]}, this host" in Meeting(addresses, index).end()
