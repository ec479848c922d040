"""Trainings of several hosts, each a process: the same network as on one, whatever happens on the way."""

import signal
import time
from pathlib import Path

import numpy as np
import pytest
from helpers import EPOCH_DRAWS, command_line as digits_line, python, tiny_arrays
from picture_files import smooth_photographs
from several_hosts import SLOW, START, command, several_hosts, train_together, weights

from tf_denoise.runs.folder import network_folder, read_json
from tf_denoise.runs.loading import load_network

pytestmark = [pytest.mark.process, pytest.mark.slow]


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    return smooth_photographs(tmp_path_factory.mktemp("photographs"))


@pytest.fixture(scope="module")
def alone(photographs, tmp_path_factory):
    """The run of one host."""
    folder = tmp_path_factory.mktemp("alone") / "run"
    result = python(*command(photographs, folder), timeout=900, OMP_NUM_THREADS="1", TF_NUM_INTRAOP_THREADS="1")
    assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture(scope="module")
def together(photographs, tmp_path_factory):
    """The run of two hosts, and what they said. Each was given a folder; that of the second does not come to be."""
    folder = tmp_path_factory.mktemp("together")
    said = train_together([command(photographs, folder / f"run{index}") for index in range(2)], folder)
    return folder, said


def test_two_hosts_train_the_network_of_one(alone, together):
    folder, _ = together
    for found, expected in zip(weights(folder / "run0"), weights(alone), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)
    records = [read_json(network_folder(run, 1, "mse") / "training.json") for run in (folder / "run0", alone)]
    assert records[0]["steps"] == records[1]["steps"] == 100
    for key, values in records[1]["history"].items():
        np.testing.assert_allclose(records[0]["history"][key], values, rtol=1e-3)


def test_the_chief_alone_writes_and_reports(together):
    folder, (chief, other) = together
    assert (folder / "run0" / "report.html").exists()
    assert not (folder / "run1").exists()
    assert "Host 0 of 2 (chief): all are there." in chief
    assert "Report: " in chief
    assert "The chief scores the networks and writes the report." in other
    assert "Report: " not in other
    assert "100%" in chief
    assert "100%" not in other


def test_three_hosts_train_the_network_of_one(photographs, alone, tmp_path):
    train_together([command(photographs, tmp_path / "run") for _ in range(3)], tmp_path)
    for found, expected in zip(weights(tmp_path / "run"), weights(alone), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("killed", [0, 1])
def test_after_a_kill_all_end_and_go_on_to_the_same_bits(photographs, together, tmp_path, killed):
    run = tmp_path / "run"
    with several_hosts([command(photographs, run, SLOW)] * 2, tmp_path / "first") as hosts:
        hosts[0].wait_for("mse:  25%")
        hosts[killed].process.send_signal(signal.SIGKILL)
        started = time.monotonic()
        survivor = hosts[1 - killed]
        assert survivor.end(60) == 2, survivor.said
        assert time.monotonic() - started < 60
        last = survivor.said.strip().splitlines()[-1]
        assert f"The host {hosts[killed].address} (number {killed}) ended or cannot be reached" in last
        assert "the same command on all hosts goes on from there." in last
    assert not (network_folder(run, 1, "mse") / "training.json").exists()
    said = train_together([command(photographs, run)] * 2, tmp_path / "second")
    assert "mse:  20%" not in said[0]  # not from the start
    for found, expected in zip(weights(run), weights(together[0] / "run0"), strict=True):
        np.testing.assert_array_equal(found, expected)
    histories = [
        read_json(network_folder(place, 1, "mse") / "training.json")["history"] for place in (run, together[0] / "run0")
    ]
    assert histories[0] == histories[1]


DIGITS = f"""
import sys
arguments = sys.argv[1:]
import training.iterative.__main__, training.iterative.experiment
training.iterative.experiment.EPOCH_DRAWS = {EPOCH_DRAWS}
training.iterative.__main__.main(arguments)
"""


def test_two_hosts_train_the_tree_of_one(tmp_path):
    """Chains whose noise is made within the step, weights taken over, whole batches for the classifier."""
    dataset = tmp_path / "digits.npz"
    np.savez(dataset, **tiny_arrays())
    options = {"children": ("25", "multi"), "forms": ("continued", "both-together"), "controls": "wide"}
    options |= {"parents": "multi_level", "tsne_points": "0"}
    one = ["-c", DIGITS, *digits_line(dataset, tmp_path / "one", **options)]
    result = python(*one, timeout=900, OMP_NUM_THREADS="1", TF_NUM_INTRAOP_THREADS="1")
    assert result.returncode == 0, result.stderr
    two = ["-c", DIGITS, *digits_line(dataset, tmp_path / "two", **options)]
    train_together([two] * 2, tmp_path)
    networks = [place["name"] for place in read_json(tmp_path / "one" / "networks.json")]
    assert len(networks) == 10
    for place in [network_folder(Path(), 1, name) for name in networks] + [Path("classifier")]:
        for found, expected in zip(
            load_network(tmp_path / "two" / place).get_weights(),
            load_network(tmp_path / "one" / place).get_weights(),
            strict=True,
        ):
            np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_late_host_is_waited_for(photographs, tmp_path):
    sign = tmp_path / "start"
    late = f"import sys, time, pathlib\nwhile not pathlib.Path({str(sign)!r}).exists(): time.sleep(0.1)\n"
    late += "arguments = sys.argv[1:]\n" + START
    commands = [command(photographs, tmp_path / "run", steps=4), command(photographs, tmp_path / "run", late, steps=4)]
    with several_hosts(commands, tmp_path) as hosts:
        hosts[0].wait_for(f"Waiting for {hosts[1].address}.")
        sign.touch()
        assert [host.end() for host in hosts] == [0, 0], [host.said for host in hosts]


def test_another_configuration_is_refused_by_all(photographs, tmp_path):
    commands = [command(photographs, tmp_path / "run", seed=seed) for seed in (1, 2)]
    with several_hosts(commands, tmp_path) as hosts:
        assert [host.end() for host in hosts] == [2, 2]
        sentence = (
            f"The host {hosts[1].address} (number 1) was started with another configuration: seed is 2 there and 1"
        )
        for host in hosts:
            assert sentence in host.said
    assert not (tmp_path / "run").exists()


def test_what_one_host_refuses_all_refuse(photographs, tmp_path):
    commands = [command(place, tmp_path / "run") for place in (photographs, tmp_path / "nowhere")]
    with several_hosts(commands, tmp_path) as hosts:
        assert [host.end() for host in hosts] == [2, 2]
        assert f"On the host {hosts[1].address} (number 1): " in hosts[0].said
        for host in hosts:
            assert "nowhere" in host.said
    assert not (tmp_path / "run").exists()


def test_a_batch_that_the_hosts_do_not_divide(photographs, tmp_path):
    with several_hosts([command(photographs, tmp_path / "run", batch_size=7)] * 2, tmp_path) as hosts:
        assert [host.end() for host in hosts] == [2, 2]
        for host in hosts:
            assert "--batch-size 7 cannot be dealt to 2 devices on 2 hosts; the nearest that can: 6 or 8." in host.said
