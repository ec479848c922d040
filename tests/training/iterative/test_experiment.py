"""The whole experiment on tiny data."""

import dataclasses
import json
import shutil
import urllib.error
import urllib.request

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers import EPOCH_DRAWS, OPTIONS, command_line

import tf_denoise.data.digits
import training.iterative.experiment
from evaluation.source import source
from tf_denoise.data.digits import load_digits
from tf_denoise.noise import SaltAndPepper, level_schedule
from tf_denoise.runs.folder import network_folder, read_json
from tf_denoise.runs.loading import load_for_use, load_network
from tf_denoise.seeds import derive_seed
from training.iterative.__main__ import main
from training.iterative.experiment import run_iterative
from training.iterative.lineage import grow_tree
from training.iterative.options import IterativeOptions

TREE = grow_tree(50, OPTIONS["--children"], 1)


@pytest.fixture
def training_alone(monkeypatch):
    """Runs end before the evaluation and have short epochs."""
    monkeypatch.setattr(training.iterative.experiment, "EPOCH_DRAWS", 128)
    monkeypatch.setattr(training.iterative.experiment, "evaluate_run", lambda folder, digits: folder / "report.html")


@pytest.fixture
def nothing_trained(monkeypatch, training_alone):
    monkeypatch.setattr(training.iterative.experiment, "train_jobs", lambda run, jobs, hosts: None)


def weights(folder, name, repeat=1):
    return [w.numpy() for w in load_network(network_folder(folder, repeat, name)).weights]


def test_a_run_leaves_all_its_files(tiny_run):
    names = {str(path.relative_to(tiny_run)) for path in tiny_run.rglob("*") if path.is_file()}
    expected = {"config.json", "environment.json", "networks.json", "scores.csv", "scores.json", "report.html"}
    expected |= {"scored.json", "contrasts.csv", "findings.md"}
    for folder in ("classifier", *(f"networks/repeat-1/{network.name}" for network in TREE)):
        expected |= {f"{folder}/model.keras", f"{folder}/training.json"}
        logs = [path for path in names if path.startswith(f"tensorboard/{folder}/train/events")]
        assert logs, folder
    assert expected <= names
    assert not [name for name in names if "state" in name or ".writing-" in name]
    assert len([name for name in names if name.startswith("figures/")]) == 12


def test_the_run_says_what_it_is(tiny_run, tiny_npz):
    config = read_json(tiny_run / "config.json")
    assert config["dataset_used"] == str(tiny_npz.resolve())
    assert config["dataset_description"] == "tiny.npz: 120 training and 24 test digits."
    assert config["dataset_fingerprint"] == load_digits(str(tiny_npz)).fingerprint()
    assert (config["epochs"], config["hidden_units"], config["one_level"]) == (2, [16], 50)
    assert [network["name"] for network in read_json(tiny_run / "networks.json")] == [n.name for n in TREE]
    assert {"python", "tensorflow", "keras", "cores", "devices"} <= set(read_json(tiny_run / "environment.json"))
    assert read_json(tiny_run / "environment.json")["source"] == read_json(tiny_run / "scored.json") == source()


def test_every_network_has_its_budget_and_a_finite_history(tiny_run):
    for network in TREE:
        record = read_json(network_folder(tiny_run, 1, network.name) / "training.json")
        epochs = 4 if network.role == "control" else 2
        assert (record["epochs"], record["steps"], record["stopped"]) == (epochs, epochs * EPOCH_DRAWS // 64, None)
        assert {key: len(values) for key, values in record["history"].items()} == {"loss": epochs, "val_loss": epochs}
        assert np.all(np.isfinite([*record["history"].values()]))
        assert load_network(network_folder(tiny_run, 1, network.name)).hidden_units == (16,)
    assert read_json(tiny_run / "classifier" / "training.json")["history"]["val_accuracy"][-1] > 0.2


def test_every_network_starts_from_weights_of_its_own(tiny_run):
    kernels = [weights(tiny_run, network.name)[0] for network in TREE]
    for index, one in enumerate(kernels):
        for other in kernels[index + 1 :]:
            assert np.mean(one == other) < 0.01


def test_a_finished_run_is_not_trained_again(tiny_run, tiny_npz, training_alone, tmp_path):
    folder = shutil.copytree(tiny_run, tmp_path / "copy")
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("model.keras")}
    main(command_line(tiny_npz, folder))
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("model.keras")} == before


@pytest.mark.slow
def test_repeats_deep_chains_and_half_precision_train(training_alone, tiny_npz, tmp_path, capsys):
    arguments = {"repeats": "2", "depth": "2", "children": "0", "epochs": "1", "mixed_precision": "float16"}
    main(command_line(tiny_npz, tmp_path / "run", **arguments))
    names = [path.parent.relative_to(tmp_path / "run") for path in (tmp_path / "run").rglob("model.keras")]
    tree = grow_tree(50, ["0"], 2)
    assert len(names) == 1 + 2 * len(tree) == 21
    for name in ("one_level", "multi_level/0/0"):
        first, second = (weights(tmp_path / "run", name, repeat) for repeat in (1, 2))
        assert np.mean(first[0] == second[0]) < 0.01
    assert load_network(network_folder(tmp_path / "run", 2, "one_level/0")).layers[1].compute_dtype == "float16"
    assert keras.config.dtype_policy().name == "float32"
    output = capsys.readouterr().out
    assert output.count("Data: tiny.npz: 120 training and 24 test digits.") == 2  # at the start and at the end
    assert "network 1 of" not in output  # quiet where nobody looks


@pytest.mark.slow
def test_half_precision_scales_its_loss(training_alone, tiny_npz, tmp_path, monkeypatch):
    compiled = []
    real = training.iterative.experiment.train
    monkeypatch.setattr(
        training.iterative.experiment,
        "train",
        lambda model, *a, **k: compiled.append(model.optimizer) or real(model, *a, **k),
    )
    main(command_line(tiny_npz, tmp_path / "run", depth="0", epochs="1", mixed_precision="float16"))
    assert [type(optimizer).__name__ for optimizer in compiled] == ["LossScaleOptimizer"] * 3


def network_is_down(monkeypatch, tmp_path):
    def urlopen(*args, **kwargs):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(urllib.request, "urlopen", urlopen)


def network_is_up(monkeypatch, tiny_npz):
    mnist = dataclasses.replace(load_digits(str(tiny_npz)), name="mnist", description="MNIST.")
    monkeypatch.setattr(tf_denoise.data.digits, "_mnist", lambda: mnist)


def test_auto_says_what_it_took_and_goes_on_with_it(monkeypatch, tmp_path, tiny_npz, nothing_trained, capsys):
    config = IterativeOptions(output=tmp_path / "run", epochs=1).resolved()
    network_is_down(monkeypatch, tmp_path)
    run_iterative(config)
    note = "Data: MNIST is not cached and cannot be downloaded: no route to host. Used instead: the 1,797 handwritten"
    assert capsys.readouterr().out.count(note) == 2  # at the start and at the end
    assert note.removeprefix("Data: ") in read_json(tmp_path / "run" / "config.json")["dataset_description"]
    network_is_up(monkeypatch, tiny_npz)
    run_iterative(config)  # the same command goes on, whatever the network does now
    assert capsys.readouterr().out.count(note) == 2


def test_the_dataset_of_a_run_may_be_named_from_another_folder(monkeypatch, tmp_path, tiny_npz, nothing_trained):
    monkeypatch.chdir(tiny_npz.parent)
    run_iterative(IterativeOptions(dataset=tiny_npz.name, output=tmp_path / "run").resolved())
    stored = json.loads((tmp_path / "run" / "config.json").read_text())
    assert stored["dataset_used"] == str(tiny_npz.resolve())


@pytest.mark.parametrize("epochs", [1, 2, 32])
def test_the_learning_rate_rises_stays_up_and_ends_at_zero(epochs):
    schedule = training.iterative.experiment.learning_rate(3e-3, 234, epochs)
    rates = np.array([float(schedule(step)) for step in np.linspace(0, 234 * epochs, 41)])
    assert rates[0] == 0
    assert rates[-1] == pytest.approx(0, abs=1e-6)
    assert rates.max() == pytest.approx(3e-3, rel=0.1)
    assert rates.mean() > 0.3 * 3e-3


@pytest.mark.parametrize("name", ["multi_level", "multi_level/multi"])
def test_the_error_of_the_chain_as_it_is_used_is_recorded(tiny_run, tiny_npz, name):
    record = read_json(network_folder(tiny_run, 1, name) / "training.json")
    clean = load_digits(str(tiny_npz)).x_validation.astype("float32") / 127.5 - 1
    seed = (derive_seed(read_json(tiny_run / "config.json")["seed"], "validation"), 0)
    noisy = SaltAndPepper(level_schedule("mixed")).corrupt(tf.constant(clean), seed)
    error = float(np.mean((load_for_use(tiny_run, name).model(noisy).numpy() - clean) ** 2))
    assert record["validation_mse"] == pytest.approx(error, rel=1e-5)


def test_a_run_that_was_moved_with_its_data_goes_on(tiny_run, tiny_npz, tmp_path, monkeypatch):
    monkeypatch.setattr(training.iterative.experiment, "evaluate_run", lambda folder, digits: folder / "report.html")
    shutil.copytree(tiny_run, tmp_path / "moved")
    shutil.copy(tiny_npz, tmp_path)
    before = (tmp_path / "moved" / "classifier" / "model.keras").stat().st_mtime_ns
    main(command_line(tmp_path / tiny_npz.name, tmp_path / "moved"))
    assert read_json(tmp_path / "moved" / "config.json")["dataset_used"] == str(tmp_path / tiny_npz.name)
    assert (tmp_path / "moved" / "classifier" / "model.keras").stat().st_mtime_ns == before
