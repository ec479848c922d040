"""Hosts that join, each a process with TensorFlow: what happens between their meeting and the first exchange."""

import pytest
from several_hosts import several_hosts

JOIN = """
from tf_denoise.commands.startup import start_tensorflow
start_tensorflow(finds_devices=False)
from tf_denoise.hosts.cluster import read_cluster
from tf_denoise.hosts.hosts import join
print("The sum is", join(read_cluster())._sum(__import__("numpy").ones(1, "int32")))
"""
LOST = "import os, tensorflow\ntensorflow.distribute.MultiWorkerMirroredStrategy = lambda: os._exit(3)\n"
"""A host that ends when all have met, where TensorFlow begins to connect them."""
pytestmark = [pytest.mark.process, pytest.mark.slow]


def test_hosts_join(tmp_path):
    with several_hosts([["-c", JOIN]] * 3, tmp_path) as hosts:
        assert [host.end() for host in hosts] == [0, 0, 0], [host.said for host in hosts]
        assert all("The sum is [3]" in host.said for host in hosts)


@pytest.mark.parametrize("lost", [0, 1])
def test_a_host_that_ends_while_they_are_connected_ends_all(tmp_path, lost):
    scripts = [LOST + JOIN if index == lost else JOIN for index in range(3)]
    with several_hosts([["-c", script] for script in scripts], tmp_path) as hosts:
        assert hosts[lost].end() == 3
        for host in hosts:
            if host is not hosts[lost]:
                assert host.end(60) != 0
                assert (
                    "ended while TensorFlow connected the hosts. The same command on all hosts starts again."
                    in host.said
                )
        witness = hosts[0] if lost else hosts[1]  # is connected to it
        assert f"The host {hosts[lost].address} ended while" in witness.said
