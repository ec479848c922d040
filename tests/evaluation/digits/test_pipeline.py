import csv
import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
from helpers import OPTIONS, files_of, python

from evaluation.__main__ import evaluate
from evaluation.differences import caveat
from evaluation.digits.pipeline import evaluate_run
from evaluation.digits.rivals import control_of
from evaluation.digits.scoring import ROUNDED, UNROUNDED
from evaluation.digits.test_sets import TEST_SETS, noisy_test_set
from evaluation.table import INPUT
from tf_denoise.data.digits import load_digits
from tf_denoise.runs.folder import PLACES, locked, network_folder
from tf_denoise.runs.loading import load_network
from tf_denoise.runs.writing import write_json
from training.iterative.lineage import grow_tree

TREE = grow_tree(50, OPTIONS["--children"], 1)


@pytest.fixture
def copy(tiny_run, tmp_path):
    """A run that a test may change."""
    return shutil.copytree(tiny_run, tmp_path / "copy")


def changed(path, **values):
    write_json(path, json.loads(path.read_text()) | values)


def refusal(capsys, *arguments) -> str:
    with pytest.raises(SystemExit) as end:
        evaluate(*arguments)
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    return error


def test_the_table_of_a_run_is_complete_and_both_files_agree(tiny_run):
    rows = json.loads((tiny_run / "scores.json").read_text())
    with open(tiny_run / "scores.csv", newline="") as file:
        as_text = list(csv.DictReader(file))
    assert as_text == [{k: "" if v is None else str(v) for k, v in row.items()} for row in rows]
    scored = {(0, INPUT, False)} | {(1, network.name, False) for network in TREE}
    scored |= {(1, network.name, True) for network in TREE if network.renoise not in (None, "0")}
    kinds = {(m, True) for m in ROUNDED} | {(m, False) for m in UNROUNDED}
    places = [(r["repeat"], r["network"], r["renoised"], r["test_set"], r["measure"], r["rounded"]) for r in rows]
    assert len(places) == len(set(places))
    assert set(places) == {(*place, t, *kind) for place in scored for t in TEST_SETS for kind in kinds}
    assert all(np.isfinite(row["value"]) for row in rows)


def test_a_child_of_the_run_is_scored_behind_its_parent(tiny_run, tiny_npz):
    clean = tf.cast(load_digits(str(tiny_npz)).x_test, tf.float32) / 127.5 - 1
    images = noisy_test_set(clean, "70%", 0)[0]
    rows = json.loads((tiny_run / "scores.json").read_text())
    for name in ("multi_level", "multi_level/25"):
        images = load_network(network_folder(tiny_run, 1, name))(images)
        place = {"network": name, "test_set": "70%", "measure": "mse", "rounded": False, "renoised": False}
        [found] = [row["value"] for row in rows if place.items() <= row.items()]
        assert found == pytest.approx(np.mean((images - clean) ** 2) / 4, rel=1e-4)


@pytest.mark.slow
def test_evaluating_again_gives_the_same_scores_figures_and_report(tiny_run, copy, capsys):
    for name in ("scores.csv", "scores.json", "report.html"):
        (copy / name).unlink()
    shutil.rmtree(copy / "figures")
    evaluate(copy)
    assert capsys.readouterr().out == f"Report: {copy / 'report.html'}\n"
    before, after = files_of(tiny_run), files_of(copy)
    assert set(before) == set(after)
    for name in before:
        if not name.endswith(".png"):
            assert after[name] == before[name] or name == "report.html", name


@pytest.mark.slow
def test_the_report_says_what_was_stopped_and_what_is_unfinished(copy):
    stopped = "the loss became nan in epoch 1; the state after epoch 0 was kept"
    record = network_folder(copy, 1, "one_level/control") / "training.json"
    changed(record, stopped=stopped, epochs=0, steps=0, history={})
    changed(copy / "classifier" / "training.json", history={})
    changed(copy / "config.json", dataset_description="<b>mine</b> & yours", repeats=2)
    report = evaluate_run(copy, tsne_points=0).read_text()
    assert stopped in report
    assert "one_level/control, repeat 1, was stopped" in report
    assert "&lt;b&gt;mine&lt;/b&gt; &amp; yours" in report
    assert "1 of 2 repeats are trained so far" in report
    assert caveat(1) in report
    assert 'id="tsne"' not in report


def test_a_folder_that_is_no_finished_run_is_refused(capsys, copy, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "is not a run folder: it has no config.json" in refusal(capsys, tmp_path / "empty")
    assert f"There is no folder {tmp_path / 'none'}." in refusal(capsys, tmp_path / "none")
    (network_folder(copy, 1, "multi_level/25") / "training.json").unlink()
    before = files_of(copy)
    error = refusal(capsys, copy)
    assert "is not finished: 1 of the 8 networks of its first repeat are still to be trained, the next is" in error
    assert "networks/repeat-1/multi_level/25. Repeat its command" in error
    assert files_of(copy) == before


def test_a_damaged_run_is_refused_by_the_damaged_file(capsys, copy):
    changed(copy / "config.json", command="cooking")
    assert "its config.json is not that of a run" in refusal(capsys, copy)
    changed(copy / "config.json", command="iterative")
    model = network_folder(copy, 1, "one_level") / "model.keras"
    model.write_bytes(model.read_bytes()[:1000])
    assert f"{model} is not a .keras file, or is damaged: " in refusal(capsys, copy)
    (copy / "config.json").write_text('{"command": ')
    assert "config.json cannot be read as a file of a run" in refusal(capsys, copy)


def test_data_that_is_gone_or_has_changed_is_refused(capsys, copy, tiny_npz, tmp_path):
    arrays = dict(np.load(tiny_npz))
    arrays["x_test"] = arrays["x_test"][::-1]
    np.savez(tmp_path / "other.npz", **arrays)
    changed(copy / "config.json", dataset_used=str(tmp_path / "other.npz"))
    assert f"other.npz is not what the run in {copy} was trained on" in refusal(capsys, copy)
    changed(copy / "config.json", dataset_used=str(tmp_path / "gone.npz"), **{PLACES: {}})  # nor moved with the run
    assert "gone.npz does not exist" in refusal(capsys, copy)


@pytest.mark.slow
@pytest.mark.process
def test_the_command_refuses_in_one_line(tmp_path):
    result = python("-m", "evaluation", tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"error: {tmp_path} is not a run folder: it has no config.json.\n"


def test_a_run_that_is_in_use_is_not_evaluated_meanwhile(tiny_run, capsys):
    with locked(tiny_run):
        assert "is in use by another run" in refusal(capsys, tiny_run)


def test_a_negative_number_of_points_is_refused(tiny_run, capsys):
    error = refusal(capsys, tiny_run, -1)
    assert error == "error: --tsne-points takes 0, for none, or more; received -1.\n"


def test_every_child_has_a_control():
    tree = grow_tree(50, ["0", "mixed", "multi"], 3)
    controls = {network.name: network.trainings for network in tree if network.role == "control"}
    for network in tree:
        if network.role == "child":
            assert controls[control_of(network.name)] == network.name.count("/") + 1
