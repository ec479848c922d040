"""A run that is killed, again and again, ends in the same bits as one that is not."""

import signal

import numpy as np
import pytest
from helpers import EPOCH_DRAWS, OPTIONS, command_line, mortal

from tf_denoise.runs.folder import network_folder, read_json
from tf_denoise.runs.loading import load_network
from training.iterative.lineage import grow_tree

START = f"""
import training.iterative.experiment, training.iterative.__main__
training.iterative.experiment.EPOCH_DRAWS = {EPOCH_DRAWS}
training.iterative.__main__.main(arguments)
"""
DEATHS = [
    ("classifier/state.npz", 2),  # the first epoch is done, its state has no name yet, the one before is kept
    ("one_level/25/state-previous.npz", 2),  # a child is in its second epoch
    ("one_level/25/training.json", 1),  # the child is saved and not yet recorded
    ("one_level/control/state.npz", 1),  # between two networks
    ("scores.csv", 1),  # in the evaluation
]


@pytest.mark.slow
@pytest.mark.process
def test_a_run_killed_at_several_points_ends_in_the_same_bits(tiny_run, tiny_npz, tmp_path):
    folder = tmp_path / "killed"
    arguments = command_line(tiny_npz, folder)
    for place, count in DEATHS:
        result = mortal(START, place, count, *arguments)
        assert result.returncode == -signal.SIGKILL, (place, result.stdout, result.stderr)
        assert not (folder / "report.html").exists()
    result = mortal(START, "never", 1, *arguments)
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr

    places = [folder.relative_to(folder) / "classifier"]
    places += [network_folder(folder, 1, n.name).relative_to(folder) for n in grow_tree(50, OPTIONS["--children"], 1)]
    for place in places:
        for found, expected in zip(
            load_network(folder / place).weights, load_network(tiny_run / place).weights, strict=True
        ):
            np.testing.assert_array_equal(found, expected, err_msg=str(place))
        found, expected = (read_json(run / place / "training.json") for run in (folder, tiny_run))
        assert found["history"] == expected["history"]
        assert (found["epochs"], found["steps"]) == (expected["epochs"], expected["steps"])
    found, expected = (read_json(run / "config.json") for run in (folder, tiny_run))
    assert {**found, "places": None} == {**expected, "places": None}
    assert not list(folder.rglob(".writing-*"))
    for name in ("scores.csv", "scores.json", "networks.json"):
        assert (folder / name).read_bytes() == (tiny_run / name).read_bytes(), name
    assert (folder / "report.html").exists()
