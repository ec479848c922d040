"""One host alone has nobody to tell anything."""

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
