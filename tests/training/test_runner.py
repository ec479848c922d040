import json

import keras
import numpy as np
import pytest
from helpers import refusal
from PIL import Image

import training.iterative.__main__
import training.runner
import training.textures.__main__
import training.textures.experiment
from tf_denoise.data import Photographs
from tf_denoise.fitting.loop import train
from tf_denoise.runs.folder import RECORD_FILE, read_json
from tf_denoise.runs.writing import write_json
from training.runner import Job, running, train_jobs
from training.textures.experiment import run_textures
from training.textures.options import TextureOptions


def job_of(run, name, trained, loss="mse", epochs=2):
    """A job that trains one weight, and says that it did."""

    def train_it(callbacks):
        trained.append(name)
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        model.compile("sgd", loss)
        return train(
            model, model, lambda step: batches, run / name, epochs=epochs, steps_per_epoch=2, callbacks=callbacks
        )

    import tensorflow as tf

    batches = tf.data.Dataset.from_tensors((np.ones((4, 1), "f4"), np.ones((4, 1), "f4"))).repeat()
    return Job(name, run / name, 1.0, train_it, steps=2 * epochs)


def test_a_finished_network_is_not_trained_again(tmp_path, capsys):
    trained = []
    jobs = [job_of(tmp_path, name, trained) for name in ("first", "second")]
    train_jobs(tmp_path, jobs[:1])
    train_jobs(tmp_path, jobs, line=lambda logs: f"loss {logs['loss'] * 0:.1f}")
    assert trained == ["first", "second"]
    assert all(job.is_finished for job in jobs)
    assert list((tmp_path / "tensorboard" / "second").rglob("events*"))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(", about")[0] for line in lines] == ["second:  50%, loss 0.0", "second: 100%, loss 0.0"]
    assert all(line.endswith(" s left") for line in lines)


def test_a_training_that_stops_says_why_and_the_next_one_begins(tmp_path, capsys):
    trained = []
    broken = job_of(tmp_path, "broken", trained, loss=lambda y, x: (y - x) * float("nan"))
    train_jobs(tmp_path, [broken, job_of(tmp_path, "sound", trained)])
    assert trained == ["broken", "sound"]
    assert capsys.readouterr().out == "broken: the loss became nan in epoch 1; the state after epoch 0 was kept.\n"
    record = json.loads((tmp_path / "broken" / RECORD_FILE).read_text())
    assert record["stopped"] is not None


def test_a_run_says_what_it_is_and_keeps_the_first_environment(tmp_path):
    folder, config = tmp_path / "run", {"command": "textures"}
    with running(folder, config, [{"name": "mse"}]):
        pass
    (folder / "environment.json").write_text("{}")
    with running(folder, config, [{"name": "mse"}]):
        assert json.loads((folder / "environment.json").read_text()) == {}
    assert json.loads((folder / "networks.json").read_text()) == [{"name": "mse"}]
    with pytest.raises(ValueError, match="another configuration"), running(folder, {"command": "iterative"}, []):
        pass


def test_a_training_that_goes_on_with_other_code_says_so(tmp_path, monkeypatch):
    environment = tmp_path / "environment.json"
    write_json(environment, {"source": {"code": "first", "commit": "1"}})
    for code in ("first", "second", "second", "third"):
        monkeypatch.setattr(training.runner, "source", lambda code=code: {"code": code})
        train_jobs(tmp_path, [job_of(tmp_path, f"{code} {len(list(tmp_path.iterdir()))}", [], epochs=1)])
    kept = read_json(environment)
    assert (kept["source"]["code"], kept["resumed"]) == ("first", [{"code": "second"}, {"code": "third"}])
    monkeypatch.setattr(training.runner, "source", lambda: {"code": "fourth"})
    train_jobs(tmp_path, [])  # nothing is trained: the run is what it was
    assert read_json(environment) == kept


@pytest.mark.parametrize("command", [training.iterative.__main__.main, training.textures.__main__.main])
@pytest.mark.parametrize(("output", "message"), [("file", "is a file"), ("foreign", "that is not a run (notes.txt)")])
def test_a_wrong_output_is_refused_before_the_data_are_looked_at(capsys, tmp_path, command, output, message):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "notes.txt").write_text("mine")
    data = "--dataset" if command is training.iterative.__main__.main else "--data"
    error = refusal(capsys, command, [data, str(tmp_path / "none.npz"), "--output", str(tmp_path / output)])
    assert message in error


class _TakenError(Exception):
    """The run folder would be taken now."""


def test_no_picture_is_decoded_before_it_is_needed(tmp_path, monkeypatch):
    """The start of a run on many photographs decodes a batch, and one photograph of each other part."""
    rng = np.random.default_rng(0)
    for index in range(60):
        Image.fromarray(rng.integers(0, 256, (24, 24, 3), "uint8")).save(tmp_path / f"{index}.png")
    decoded = []
    stored = Photographs.stored
    monkeypatch.setattr(Photographs, "stored", lambda self, index: decoded.append(index) or stored(self, index))

    def take(*arguments):
        raise _TakenError

    monkeypatch.setattr(training.textures.experiment, "running", take)
    options = TextureOptions(data=str(tmp_path), output=tmp_path / "run", crop_size=16, batch_size=4, steps=1)
    with pytest.raises(_TakenError):
        run_textures(options.resolved())
    assert 3 <= len(decoded) <= 4 + 2
