"""The hosts as Slurm names them, held against TensorFlow's own reading where that works."""

import json

import pytest
import tensorflow as tf
from helpers import python

from tf_denoise.errors import InputError
from tf_denoise.hosts.cluster import read_cluster
from tf_denoise.hosts.slurm import main, slurm_config


def step(rank, node, local, tasks="2(x2),1", nodes="node[1-3]"):
    numbers = {"PROCID": rank, "NODEID": node, "LOCALID": local, "STEP_NUM_TASKS": 5}
    names = {"STEP_NODELIST": nodes, "STEP_TASKS_PER_NODE": tasks}
    return {f"SLURM_{key}": str(value) for key, value in (numbers | names).items()}


def expand(nodes):
    return ["node1", "node2", "node3"]


PLACES = [(0, 0, 0), (1, 0, 1), (2, 1, 0), (3, 1, 1), (4, 2, 0)]


@pytest.mark.parametrize("place", PLACES)
def test_as_the_resolver_of_tensorflow_reads_it(monkeypatch, place):
    environment = step(*place)
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    # GPUs are made up: without any it divides by none.
    resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(gpus_per_node=2, gpus_per_task=1, auto_set_gpu=False)
    expected = resolver.cluster_spec().as_dict()
    found = json.loads(slurm_config(environment, expand))
    assert found["cluster"] == expected
    assert (found["task"]["type"], found["task"]["index"]) == resolver.get_task_info()
    assert read_cluster({"TF_CONFIG": json.dumps(found)}).index == place[0]


def test_nodes_stay_in_the_order_of_slurm():
    found = json.loads(slurm_config(step(1, 1, 0, "1(x2)"), lambda nodes: ["node2", "node10"], port=7000))
    assert found["cluster"]["worker"] == ["node2:7000", "node10:7000"]


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({}, "This is not a task of Slurm: SLURM_STEP_NODELIST is not set. Start it with srun."),
        (step(1, 1, 0), "Task 1 runs as number 0 on node 1, which is not dealt in blocks"),
        (step(9, 2, 0), "Task 9 runs as number 0 on node 2"),
        (step(0, 0, 0, "2"), "Slurm names 3 nodes (node[1-3]) and tasks for 1 (2)."),
    ],
)
def test_what_cannot_be_is_a_sentence(environment, sentence):
    with pytest.raises(InputError) as caught:
        slurm_config(environment, expand)
    assert sentence in str(caught.value)


def test_without_scontrol(monkeypatch, capsys, tmp_path):
    for key, value in step(0, 0, 0).items():
        monkeypatch.setenv(key, value)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
    assert "Slurm's scontrol cannot name the nodes of node[1-3]" in capsys.readouterr().err


def test_another_word_than_a_port(capsys):
    with pytest.raises(SystemExit):
        main(["--port"])
    assert "takes a port; received --port." in capsys.readouterr().err


@pytest.mark.process
def test_as_a_command(tmp_path):
    scontrol = tmp_path / "scontrol"
    scontrol.write_text('#!/bin/sh\n[ "$*" = "show hostnames node[1-3]" ] && printf "node1\\nnode2\\nnode3\\n"\n')
    scontrol.chmod(0o755)
    result = python("-m", "tf_denoise.hosts.slurm", "9000", **step(3, 1, 1), PATH=f"{tmp_path}:/usr/bin:/bin")
    assert result.returncode == 0, result.stderr
    assert read_cluster({"TF_CONFIG": result.stdout}).addresses[3] == "node2:9001"
