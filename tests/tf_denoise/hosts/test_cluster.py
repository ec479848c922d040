"""What `TF_CONFIG` says, and what it must not."""

import json
import socket

import pytest

from tf_denoise.errors import InputError
from tf_denoise.hosts.cluster import Cluster, answers, read_cluster

TWO = ["one:2222", "two:2222"]


def config(cluster, task) -> dict[str, str]:
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": task})}


def worker(index=0) -> dict:
    return {"type": "worker", "index": index}


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"TF_CONFIG": ""},
        {"TF_CONFIG": "{}"},
        config({"worker": ["one:2222"]}, worker()),
        config({"chief": ["one:2222"]}, {"type": "chief", "index": 0}),
    ],
)
def test_one_host_alone_is_no_cluster(environment):
    assert read_cluster(environment) is None


@pytest.mark.parametrize("index", [0, 1])
def test_the_first_worker_is_the_chief(index):
    found = read_cluster(config({"worker": TWO}, worker(index)))
    assert found == Cluster(tuple(TWO), index)
    assert found.is_chief == (index == 0)
    assert found.others == (TWO[1 - index],)


def test_a_chief_comes_before_the_workers():
    cluster = {"worker": TWO, "chief": ["boss:1"]}
    assert read_cluster(config(cluster, {"type": "chief", "index": 0})) == Cluster(("boss:1", *TWO), 0, True)
    assert read_cluster(config(cluster, worker(1))) == Cluster(("boss:1", *TWO), 2, True)


def test_workers_by_index():
    found = read_cluster(config({"worker": {"1": "two:2222", "0": "one:2222"}}, worker(1)))
    assert found == Cluster(tuple(TWO), 1)


def test_addresses_of_ipv6():
    assert read_cluster(config({"worker": ["[::1]:1", "[::1]:2"]}, worker())).others == ("[::1]:2",)


BAD = {
    "not JSON": ({"TF_CONFIG": "worker0"}, "TF_CONFIG is not JSON"),
    "a list": ({"TF_CONFIG": "[1]"}, 'TF_CONFIG has no "cluster" that is an object'),
    "cluster of a list": (config(TWO, worker()), 'no "cluster" that is an object'),
    "task of a number": (config({"worker": TWO}, 0), 'no "task" that is an object'),
    "no cluster": ({"TF_CONFIG": json.dumps({"task": worker()})}, "TF_CONFIG names no host"),
    "no task": ({"TF_CONFIG": json.dumps({"cluster": {"worker": TWO}})}, "task of type None; expected 'worker'"),
    "nobody": (config({"worker": []}, worker()), "TF_CONFIG names no host"),
    "parameter servers": (
        config({"worker": TWO, "ps": ["p:1"]}, worker()),
        "names parameter servers; expected workers",
    ),
    "evaluator": (config({"worker": TWO, "evaluator": ["e:1"]}, worker()), "names a host for evaluation alone"),
    "unknown job": (config({"trainer": TWO}, worker()), "names 'trainer'; expected workers"),
    "two chiefs": (config({"chief": TWO}, {"type": "chief", "index": 0}), "names 2 chiefs; expected one"),
    "twice": (config({"worker": [TWO[0], TWO[0]]}, worker()), "names one:2222 twice"),
    "chief twice": (config({"worker": TWO, "chief": TWO[:1]}, worker()), "names one:2222 twice"),
    "other type": (config({"worker": TWO}, {"type": "chief", "index": 0}), "type 'chief'; expected 'worker'"),
    "index outside": (config({"worker": TWO}, worker(2)), "index 2; expected one of 0..1"),
    "negative index": (config({"worker": TWO}, worker(-1)), "index -1; expected one of 0..1"),
    "index of text": (config({"worker": TWO}, worker("0")), "index '0'; expected one of 0..1"),
    "index of truth": (config({"worker": TWO}, worker(True)), "index True; expected one of 0..1"),
    "no index": (config({"worker": TWO}, {"type": "worker"}), "index None; expected one of 0..1"),
    "empty address": (config({"worker": [TWO[0], ""]}, worker()), "no address for worker 1"),
    "null address": (config({"worker": [None, TWO[0]]}, worker()), "no address for worker 0"),
    "gap": (config({"worker": {"0": "one:1", "2": "two:1"}}, worker()), "no address for worker 1"),
    "index by name": (config({"worker": {"first": "one:1"}}, worker()), "names workers by first; expected indices"),
    "no port": (config({"worker": ["one", "two:2"]}, worker()), "'one' as the address of worker 0; expected HOST:PORT"),
    "port 0": (config({"worker": ["one:0", "two:2"]}, worker()), "'one:0' as the address of worker 0"),
    "port too large": (config({"worker": ["one:70000", "two:2"]}, worker()), "'one:70000' as the address"),
    "port of letters": (config({"worker": ["one:http", "two:2"]}, worker()), "'one:http' as the address"),
    "no name": (config({"worker": [":1", "two:2"]}, worker()), "':1' as the address of worker 0"),
    "number": (config({"worker": [5, "two:2"]}, worker()), "5 as the address of worker 0"),
    "negative key": (config({"worker": {"0": "a:1", "-1": "b:1"}}, worker()), "names workers by -1; expected indices"),
    "padded key": (config({"worker": {"0": "a:1", "00": "b:1"}}, worker()), "names workers by 00; expected indices"),
    "large key": (config({"worker": {"0": "a:1", "999999999": "b:1"}}, worker()), "no address for worker 1"),
    "type of a list": (config({"worker": TWO}, {"type": ["worker"], "index": 0}), "type ['worker']; expected 'worker'"),
    "scheme": (config({"worker": ["http://a:1", "b:1"]}, worker()), "'http://a:1' as the address"),
    "two words": (config({"worker": ["b c:2", "b:1"]}, worker()), "'b c:2' as the address"),
    "bare IPv6": (config({"worker": ["::1:5", "b:1"]}, worker()), "'::1:5' as the address"),
    "workers of text": (config({"worker": "one:1"}, worker()), "workers that are not a list of addresses"),
}


@pytest.mark.parametrize(("environment", "sentence"), BAD.values(), ids=BAD)
def test_a_contradiction_is_a_sentence(environment, sentence):
    with pytest.raises(InputError) as caught:
        read_cluster(environment)
    assert sentence in str(caught.value)


def test_whether_something_listens():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        assert answers(address)
    assert not answers(address)
