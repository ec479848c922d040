"""Trainings of several hosts in which something goes wrong on the way, or that learn from noisy photographs alone."""

import contextlib
import json
import signal
import time

import numpy as np
import pytest
from helpers import python
from picture_files import smooth_photographs
from PIL import Image
from several_hosts import SLOW, START, command, several_hosts, train_together, weights

from tf_denoise.runs.folder import network_folder, read_json
from training.textures.trainer import _TIMED_STEPS

pytestmark = [pytest.mark.process, pytest.mark.slow]
AT_STEP = """
import sys
import keras
arguments = sys.argv[1:]
class Troubled(keras.callbacks.CallbackList):
    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(batch, logs)
        Troubled.steps = getattr(Troubled, "steps", 0) + 1
        if Troubled.steps == {step}:
            self.trouble()
    def trouble(self):
        {trouble}
keras.callbacks.CallbackList = Troubled
"""
"""Something happens on a host after a step."""


def troubled(trouble, step=42):
    return AT_STEP.format(trouble=trouble, step=step) + START


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    return smooth_photographs(tmp_path_factory.mktemp("photographs"))


def record(run):
    return read_json(network_folder(run, 1, "mse") / "training.json")


@pytest.mark.parametrize("step", [_TIMED_STEPS + 34, _TIMED_STEPS + 35])
def test_weights_that_break_on_one_host_lead_all_of_them_back(photographs, tmp_path, step):
    """An epoch has five steps: also where the loss breaks in the last of them, the step after the first of these."""
    first = "self._model.trainable_variables[0]"
    breaks = troubled(f"{first}.assign_add({first} * float('nan'))", step)
    run = tmp_path / "run"
    train_together([command(photographs, run), command(photographs, run, breaks)], tmp_path)
    assert len(record(run)["falls"]) == 1
    assert "the loss became nan" in record(run)["falls"][0]["why"]
    assert record(run)["stopped"] is None
    assert all(np.isfinite(array).all() for array in weights(run))


def test_an_error_of_one_host_ends_all(photographs, tmp_path):
    fails = troubled("from tf_denoise.errors import InputError; raise InputError('The disk is full here.')")
    run = tmp_path / "run"
    with several_hosts([command(photographs, run), command(photographs, run, fails)], tmp_path) as hosts:
        assert hosts[1].end() == 2
        assert hosts[1].said.strip().splitlines()[-1].endswith("The disk is full here.")
        assert hosts[0].end(60) == 2
        last = hosts[0].said.strip().splitlines()[-1]
        assert f"The host {hosts[1].address} (number 1) ended or cannot be reached" in last


def test_a_host_that_stands_still_ends_all(photographs, tmp_path):
    with several_hosts([command(photographs, tmp_path / "run", SLOW)] * 2, tmp_path) as hosts:
        hosts[0].wait_for("mse:  25%")
        hosts[1].process.send_signal(signal.SIGSTOP)
        assert hosts[0].end(60) == 2, hosts[0].said
        assert "ended or cannot be reached, and with it the training of all" in hosts[0].said.strip().splitlines()[-1]


def step_of(network):
    """Steps of an epoch that is not over, of the state of a network: the one before, while the newest is written."""
    for name in ("state.npz", "state-previous.npz"):
        with contextlib.suppress(FileNotFoundError), np.load(network / name) as arrays:
            return json.loads(str(arrays["record"]))["step"]
    return 0


def test_hosts_go_on_within_an_epoch(photographs, tmp_path):
    often = "import tf_denoise.fitting.keeper\ntf_denoise.fitting.keeper._SAVED_EVERY = 0.0\n"
    run = tmp_path / "run"
    with several_hosts([command(photographs, run, often + SLOW)] * 2, tmp_path / "first") as hosts:
        hosts[0].wait_for("mse:  25%")
        network = network_folder(run, 1, "mse")
        until = time.monotonic() + 60
        while step_of(network) < 2:
            assert time.monotonic() < until
        hosts[0].process.send_signal(signal.SIGKILL)
        assert hosts[1].end(60) == 2, hosts[1].said
    assert step_of(network) > 0
    train_together([command(photographs, run)] * 2, tmp_path / "second")
    train_together([command(photographs, tmp_path / "whole")] * 2, tmp_path / "third")
    for found, expected in zip(weights(run), weights(tmp_path / "whole"), strict=True):
        np.testing.assert_array_equal(found, expected)
    for key, values in record(tmp_path / "whole")["history"].items():  # the mean loss is summed in two parts
        np.testing.assert_allclose(record(run)["history"][key], values, rtol=1e-6 if key == "loss" else 0)


def test_two_hosts_learn_from_noisy_photographs_what_one_learns(photographs, tmp_path):
    noisy, random = tmp_path / "noisy", np.random.default_rng(0)
    noisy.mkdir()
    for path in sorted(photographs.iterdir()):
        image = 80 + 0.4 * np.asarray(Image.open(path)).astype(float)
        Image.fromarray(np.round(image + random.normal(0, 15, image.shape)).clip(0, 255).astype("uint8")).save(
            noisy / path.name
        )
    learn = [command(None, tmp_path / place, data=None, noisy=noisy, steps=40) for place in ("one", "two")]
    result = python(*learn[0], timeout=900, OMP_NUM_THREADS="1", TF_NUM_INTRAOP_THREADS="1")
    assert result.returncode == 0, result.stderr
    said = train_together([learn[1]] * 2, tmp_path)
    assert "Recorrupted-to-Recorrupted" in said[0]
    for found, expected in zip(weights(tmp_path / "two"), weights(tmp_path / "one"), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)
