"""One host alone has nobody to tell anything."""

import math
import threading

import numpy as np
import pytest
import tensorflow as tf

import tf_denoise.hosts.hosts
from tf_denoise.data.shares import Share
from tf_denoise.errors import InputError
from tf_denoise.hosts.cluster import Cluster
from tf_denoise.hosts.hosts import Hosts, this_host


class Strategy:
    """Of so many devices; nothing is exchanged."""

    def __init__(self, devices):
        self.num_replicas_in_sync = devices


def of(hosts, devices=1, index=0) -> Hosts:
    return Hosts(Strategy(hosts * devices), Cluster(tuple(f"host{number}:1" for number in range(hosts)), index))


def test_one_host_keeps_what_it_has():
    host, arrays = this_host(), [np.arange(3)]
    assert (host.count, host.index, host.is_chief) == (1, 0, True)
    assert host.told({"a": [1]}) == {"a": [1]}
    assert host.told_arrays(arrays)[0] is arrays[0]
    assert host.from_all("text") == ["text"]
    assert host.on_chief(lambda: 5) == 5
    assert host.share(7) == Share()


def test_an_error_of_one_host_stays_what_it_is():
    error = InputError("Its own.")
    with pytest.raises(InputError) as caught, this_host().all_or_none():
        raise error
    assert caught.value is error


@pytest.mark.parametrize(("index", "rows"), [(0, range(0, 8)), (1, range(8, 16))])
def test_a_host_takes_its_share(index, rows):
    assert of(2, index=index).share(16).rows(16) == rows
    assert of(2, devices=2, index=index).share(16) == Share(2 * index, 2, 4)


@pytest.mark.parametrize(
    ("hosts", "devices", "size", "nearest"),
    [(3, 1, 16, "15 or 18"), (2, 2, 17, "16 or 20"), (3, 1, 2, "3"), (2, 1, 1, "2")],
)
def test_a_batch_that_is_not_divided_is_refused_with_the_nearest(hosts, devices, size, nearest):
    words = f"--batch-size {size} cannot be dealt to {hosts * devices} devices on {hosts} hosts; the nearest that can: "
    with pytest.raises(InputError) as caught:
        of(hosts, devices).share(size)
    assert str(caught.value) == f"{words}{nearest}."


def test_devices_of_one_host_divide_a_batch_too():
    two = Hosts(Strategy(2))
    assert two.share(4) == Share()
    with pytest.raises(InputError, match="--batch-size 3 cannot be dealt to 2 devices; the nearest that can: 2 or 4"):
        two.share(3)


class Exchange:
    """Sums what threads give, each a host: what a strategy of several hosts does."""

    def __init__(self, count):
        self.num_replicas_in_sync = count
        self.given, self.barrier = {}, threading.Barrier(count, timeout=20)

    def reduce(self, operation, value, axis):
        self.given[threading.get_ident()] = value.numpy()
        self.barrier.wait()
        total = sum(self.given.values())
        self.barrier.wait()
        return tf.constant(total)


def on_each(count, work) -> list:
    """What work of each host gives, or its error."""
    exchange, outcomes = Exchange(count), [None] * count

    def run(index):
        hosts = Hosts(exchange, Cluster(tuple(f"host{number}:1" for number in range(count)), index))
        try:
            outcomes[index] = work(hosts)
        except InputError as error:
            outcomes[index] = str(error)

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return outcomes


@pytest.mark.parametrize("value", [None, True, 0.1, math.pi * 1e-300, "Ä\n", [], {"a": [1, None]}, "x" * 5001])
def test_what_the_chief_tells_all_hear(value):
    assert on_each(3, lambda hosts: hosts.told(value if hosts.is_chief else "another")) == [value] * 3


def test_arrays_of_the_chief_reach_all_to_the_bit():
    random = np.random.default_rng(0)
    arrays = [
        random.normal(size=(3, 2)).astype("float32"),
        np.array(5, "int64"),
        np.zeros((0, 4)),
        np.array([True, False, True]),
        random.integers(0, 255, 7).astype("uint8"),
    ]
    for found in on_each(2, lambda hosts: hosts.told_arrays(arrays if hosts.is_chief else [])):
        for one, expected in zip(found, arrays, strict=True):
            assert one.dtype == expected.dtype
            np.testing.assert_array_equal(one, expected)
    assert on_each(2, lambda hosts: hosts.told_arrays([])) == [[], []]


def test_what_each_says_all_hear():
    texts = ["", "Größe", "x" * 300]
    assert on_each(3, lambda hosts: hosts.from_all(texts[hosts.index])) == [texts] * 3


def refuse(index):
    def work(hosts):
        if hosts.index == index:
            raise InputError("There is nothing.")
        return hosts.index

    return work


def test_what_fails_on_the_chief_fails_on_all():
    assert on_each(2, lambda hosts: hosts.on_chief(lambda: refuse(0)(hosts))) == ["There is nothing."] * 2
    assert on_each(2, lambda hosts: hosts.on_chief(lambda: hosts.index)) == [0, 0]


def test_what_fails_on_one_fails_on_all():
    def work(hosts):
        with hosts.all_or_none():
            refuse(1)(hosts)

    expected = "On the host host1:1 (number 1): There is nothing."
    assert on_each(3, work) == [expected, "There is nothing.", expected]


def test_all_must_agree():
    assert on_each(2, lambda hosts: hosts.agree({"seed": 1})) == [None, None]
    outcomes = on_each(2, lambda hosts: hosts.agree({"a": 0, "seed": hosts.index}))
    assert all(
        "host1:1 (number 1) was started with another configuration: seed is 1 there and 0" in one for one in outcomes
    )


def lost(text) -> Exception:
    return tf.errors.UnavailableError(None, None, f"Collective ops is aborted by: {text}")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Error reported from /job:worker/task:1: The following tasks are unhealthy", "The host host1:1 (number 1)"),
        ("remote target /job:worker/replica:0/task:2 while calling", "The host host2:1 (number 2)"),
        ("Socket closed", "Another host"),
        ("from /job:worker/task:0", "Another host"),  # what this one heard of itself names nobody
        ("from /job:worker/task:7", "Another host"),
    ],
)
def test_a_lost_host_is_named(monkeypatch, text, named):
    monkeypatch.setattr(tf_denoise.hosts.hosts, "answers", lambda address: True)
    with pytest.raises(InputError) as caught, of(3).watched():
        raise lost(text)
    assert str(caught.value).startswith(f"{named} ended or cannot be reached")


def test_else_the_one_that_does_not_answer_is_named(monkeypatch):
    monkeypatch.setattr(tf_denoise.hosts.hosts, "answers", lambda address: address != "host2:1")
    with pytest.raises(InputError, match="The host host2:1"), of(3).watched():
        raise lost("Socket closed")


def test_where_there_is_a_chief_workers_come_after_it():
    hosts = Hosts(Strategy(2), Cluster(("host0:1", "host1:1"), 0, has_chief=True))
    with pytest.raises(InputError, match="host1:1"), hosts.watched():
        raise lost("/job:worker/task:0")


def test_an_error_that_is_not_of_the_exchange_is_no_loss():
    with pytest.raises(tf.errors.InternalError), of(2).watched():
        raise tf.errors.InternalError(None, None, "the product of /job:worker/task:0 failed")


def test_an_error_of_one_host_alone_is_no_loss():
    with pytest.raises(tf.errors.UnavailableError), this_host().watched():
        raise lost("Socket closed")
