import json
import re
import shutil

import keras
import numpy as np
import pytest
from small_trainings import CLEAN, STEPS, Interrupt, averaging_model, batches, interrupted, new_model, run

from tf_denoise.fitting.keeper import StateKeeper
from tf_denoise.fitting.loop import steps_per_execution
from tf_denoise.runs.loading import load_network


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A training that nothing interrupted: its folder, record and weights."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, *run(folder)


def assert_same_end(result, whole):
    (record, weights), (_, whole_record, whole_weights) = result, whole
    assert record["history"] == whole_record["history"]
    assert (record["epochs"], record["steps"], record["stopped"]) == (4, 4 * STEPS, None)
    for found, expected in zip(weights, whole_weights, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_finished_training_leaves_its_network_and_record_alone(whole):
    folder, record, weights = whole
    assert sorted(path.name for path in folder.iterdir()) == ["model.keras", "training.json"]
    assert json.loads((folder / "training.json").read_text()) == record
    assert {key: len(values) for key, values in record["history"].items()} == {"loss": 4, "val_loss": 4}
    assert record["history"]["val_loss"][-1] < record["history"]["val_loss"][0]
    assert record["seconds"] > 0
    for found, expected in zip(load_network(folder).weights, weights, strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("where", [(0, 2), (1, None), (2, 3), (3, None)], ids=str)
def test_a_training_that_was_interrupted_ends_in_the_same_bits(where, whole, tmp_path):
    interrupted(tmp_path, *where)
    assert not (tmp_path / "training.json").exists()
    assert_same_end(run(tmp_path, new_model(seed=99)), whole)


@pytest.mark.slow
def test_it_may_be_interrupted_more_than_once(whole, tmp_path):
    for where in ((0, None), (1, 4), (2, None)):
        interrupted(tmp_path, *where)
    assert_same_end(run(tmp_path, new_model(seed=99)), whole)


@pytest.mark.slow
def test_several_steps_per_execution_resume_too(tmp_path):
    model = new_model(per_execution=3)
    expected = run(tmp_path / "whole", model)
    interrupted(tmp_path / "cut", 1, 5, model=new_model(per_execution=3))
    record, weights = run(tmp_path / "cut", new_model(seed=99, per_execution=3))
    assert record["history"] == expected[0]["history"]
    for one, other in zip(weights, expected[1], strict=True):
        np.testing.assert_array_equal(one, other)


def rewritten(**changes):
    """A state with sound checksums whose content is another one: arrays, or entries of the record."""

    def damage(path):
        with np.load(path) as archive:
            arrays = dict(archive)
        record = json.loads(str(arrays["record"]))
        for key, change in changes.items():
            if key in arrays:
                arrays[key] = change(arrays[key])
            else:
                record[key] = change(record[key])
        record = {key: value for key, value in record.items() if value != "gone"}
        arrays |= {"record": np.array(json.dumps(record))} if "record" not in changes else {}
        np.savez(path, **{key: array for key, array in arrays.items() if array is not None})

    return damage


def bytewise(change):
    def damage(path):
        path.write_bytes(bytes(change(bytearray(path.read_bytes()))))

    return damage


def in_all_headers(central, local, value):
    """Two bytes of every member's headers, the central one and the local one, become others."""

    def change(data):
        for mark, place in ((b"PK\x01\x02", central), (b"PK\x03\x04", local)):
            at = -1
            while (at := data.find(mark, at + 1)) >= 0:
                data[at + place : at + place + 2] = value
        return data

    return bytewise(change)


def compressed(path):
    """A state whose compressed bytes are damaged."""
    with np.load(path) as archive:
        arrays = dict(archive)
    np.savez_compressed(path, **arrays)
    data = bytearray(path.read_bytes())
    for at in range(60, len(data) - 2000, 97):
        data[at] ^= 0xFF
    path.write_bytes(data)


DAMAGE = {
    "truncated": bytewise(lambda data: data[:700]),
    "emptied": bytewise(lambda data: b""),
    "missing": lambda path: path.unlink(),
    "text": lambda path: path.write_text("no state"),
    "an array": bytewise(lambda data: b"\x93NUMPY" + data),
    "encrypted": in_all_headers(8, 6, b"\x01\x00"),
    "unknown compression": in_all_headers(10, 8, b"\x61\x00"),
    "deflated, it says": in_all_headers(10, 8, b"\x08\x00"),
    "a newer version": in_all_headers(6, 4, b"\xff\x00"),
    "compressed": compressed,
    "shape": rewritten(v0=lambda array: array[:1]),
    "type": rewritten(v0=lambda array: array.astype("U")),
    "objects": rewritten(v0=lambda array: None),
    "not finite": rewritten(v0=lambda array: array * np.nan),
    "no record": rewritten(record=lambda array: None),
    "record of numbers": rewritten(record=lambda array: np.arange(3)),
    "record of a list": rewritten(record=lambda array: np.array("[]")),
    "epoch missing": rewritten(epoch=lambda value: "gone"),
    "epoch of a list": rewritten(epoch=lambda value: [value]),
    "epoch of text": rewritten(epoch=lambda value: "3"),
    "epoch too large": rewritten(epoch=lambda value: 10**9),
    "epoch negative": rewritten(epoch=lambda value: -1),
    "step of text": rewritten(step=lambda value: "3"),
    "step of another epoch": rewritten(step=lambda value: STEPS),
    "falls of text": rewritten(falls=lambda value: "none"),
    "seconds of a list": rewritten(seconds=lambda value: [value]),
    "history missing": rewritten(history=lambda value: "gone"),
    "history of a list": rewritten(history=lambda value: [value]),
    "history too short": rewritten(history=lambda value: {"loss": value["loss"][:1]}),
    "history of text": rewritten(history=lambda value: {"loss": ["a"] * 3}),
    "stopped by a number": rewritten(stopped=lambda value: 3),
}


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """The folder of a training that was interrupted after its third epoch."""
    folder = tmp_path_factory.mktemp("stopped")
    interrupted(folder, 2)
    return folder


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_state_falls_back_to_the_one_before_it(damage, stopped, tmp_path, capsys):
    for name in ("state.npz", "state-previous.npz"):
        shutil.copy(stopped / name, tmp_path)
    model = new_model(seed=99)
    model.optimizer.build(model.trainable_variables)
    keeper = StateKeeper(tmp_path, model, model.optimizer, None, "val_psnr", 4, STEPS)
    assert keeper.restore()
    assert keeper.epoch == 3
    DAMAGE[damage](tmp_path / "state.npz")
    assert keeper.restore()
    assert keeper.epoch == 2
    lines = capsys.readouterr().err.splitlines()
    assert damage == "missing" or (len(lines) == 1 and "state.npz cannot be used: " in lines[0])
    with np.load(stopped / "state-previous.npz") as previous:
        for index, variable in enumerate(keeper.variables()):
            np.testing.assert_array_equal(previous[f"v{index}"], np.asarray(variable))


@pytest.mark.parametrize("damage", ["truncated", "epoch of a list", "encrypted"])
def test_a_training_goes_on_from_the_state_before_a_damaged_one(damage, stopped, whole, tmp_path):
    for name in ("state.npz", "state-previous.npz"):
        shutil.copy(stopped / name, tmp_path)
    DAMAGE[damage](tmp_path / "state.npz")
    assert_same_end(run(tmp_path, new_model(seed=99)), whole)


def test_what_cannot_be_judged_is_never_the_best(tmp_path):
    model, seen = new_model(), []

    def judge():
        seen.append(model.get_weights())
        return [float("nan"), 1.0, float("nan"), 0.0][len(seen) - 1]

    record, _ = run(tmp_path, model, judge=judge)
    assert record["history"]["val_psnr"][1::2] == [1.0, 0.0]
    for found, expected in zip(load_network(tmp_path).get_weights(), seen[1], strict=True):
        np.testing.assert_array_equal(found, expected)


def test_what_is_measured_of_the_finished_network_goes_into_the_record(tmp_path):
    model = new_model()
    record, weights = run(tmp_path, model, measure=lambda: {"sum": float(np.sum(model.get_weights()[0]))})
    assert record["sum"] == float(np.sum(weights[0]))
    assert json.loads((tmp_path / "training.json").read_text())["sum"] == record["sum"]


def test_without_any_whole_state_training_starts_again(whole, tmp_path):
    interrupted(tmp_path, 2)
    for name in ("state.npz", "state-previous.npz"):
        (tmp_path / name).write_bytes(b"PK\x03\x04 and then nothing")
    assert_same_end(run(tmp_path, new_model()), whole)


@pytest.mark.parametrize(("poison", "word"), [(float("nan"), "nan"), (float("inf"), "inf|nan")])
@pytest.mark.parametrize("good_epochs", [0, 2])
def test_a_loss_that_is_not_finite_stops_with_the_last_good_state_kept(poison, word, good_epochs, whole, tmp_path):
    model = new_model()
    initial = [w.numpy() for w in model.weights]
    record, weights = run(tmp_path, model, data=lambda s: batches(s, good_epochs * STEPS + 2, poison))
    assert (record["epochs"], record["steps"]) == (good_epochs, good_epochs * STEPS)
    for values, expected in zip(record["history"].values(), whole[1]["history"].values(), strict=False):
        assert values == expected[:good_epochs]
    if good_epochs:
        interrupted(tmp_path / "other", good_epochs - 1)
        with np.load(tmp_path / "other" / "state.npz") as state:
            kept = {id(w) for w in model.weights}  # the state holds the seed generator's variable too
            initial = [state[f"v{index}"] for index, v in enumerate(model.variables) if id(v) in kept]
    for found, saved, expected in zip(weights, load_network(tmp_path).weights, initial, strict=True):
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(saved, expected)
    epoch = good_epochs + 1
    pattern = rf"the loss became ({word}) in epoch {epoch}; the state after epoch {good_epochs} was kept"
    assert record["stopped"] is not None
    assert re.fullmatch(pattern, record["stopped"])


def test_a_validation_loss_that_is_not_finite_stops_too_and_is_named(tmp_path):
    record, weights = run(tmp_path, validation=CLEAN * float("nan"))
    assert record["epochs"] == 0
    assert "nan in epoch 1; the state after epoch 0 was kept" in record["stopped"]
    assert np.all([np.isfinite(w).all() for w in weights])


def test_a_finished_number_of_epochs_is_not_trained_again(tmp_path):
    interrupted(tmp_path, 3)
    called = []
    record, _ = run(tmp_path, data=lambda step: called.append(step))
    assert called == []
    assert record["epochs"] == 4


@pytest.mark.parametrize("steps", [1, 7, 8, 29, 52, 234, 235, 1875])
def test_an_execution_fills_an_epoch_evenly_and_as_far_as_it_may(steps):
    best = steps_per_execution(steps)
    assert steps % best == 0
    assert not any(steps % more == 0 for more in range(best + 1, 27))
    assert best <= 26


def test_what_a_killed_process_left_half_written_is_removed(tmp_path):
    (tmp_path / ".writing-abc.npz").write_bytes(b"half")
    run(tmp_path, epochs=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.keras", "training.json"]


def test_the_network_judged_best_is_saved_and_the_training_goes_on_from_the_last(tmp_path):
    model, seen = new_model(), []

    def judge():
        seen.append(model.get_weights())
        return [1.0, 3.0, 2.0, 0.0][len(seen) - 1]

    record, _ = run(tmp_path, model, judge=judge)
    assert record["history"]["val_psnr"] == [1.0, 3.0, 2.0, 0.0]
    for found, expected in zip(load_network(tmp_path).get_weights(), seen[1], strict=True):
        np.testing.assert_array_equal(found, expected)
    last = tmp_path / "without"
    run(last)
    for found, expected in zip(load_network(last).get_weights(), seen[3], strict=True):
        np.testing.assert_array_equal(found, expected)


def test_the_averages_of_the_weights_are_what_is_judged_and_saved(tmp_path):
    model, weights = averaging_model(), []

    class Follow(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            weights.append(model.get_weights())

    judged = []
    run(tmp_path, model, epochs=1, judge=lambda: judged.append(model.get_weights()) or 0.0, callbacks=[Follow()])
    average = weights[0]
    for step in weights[1:]:
        average = [0.5 * a + 0.5 * w for a, w in zip(average, step, strict=True)]
    for found, saved, expected in zip(judged[0], load_network(tmp_path).get_weights(), average, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)
        np.testing.assert_array_equal(found, saved)


def test_the_network_to_ship_gets_the_weights_that_were_trained(tmp_path):
    shipped = keras.Sequential([keras.Input((6,)), keras.layers.Dense(5, "tanh"), keras.layers.Dense(6)])
    _, weights = run(tmp_path, shipped=shipped)
    saved = load_network(tmp_path)
    assert len(saved.layers) == 2
    for found, expected in zip(saved.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_what_is_shipped_may_be_finished_and_the_training_is_not_changed(tmp_path):
    shipped = keras.Sequential([keras.Input((6,)), keras.layers.Dense(5, "tanh"), keras.layers.Dense(6)])

    def finish(network):
        network.layers[-1].set_weights([2 * weights for weights in network.layers[-1].get_weights()])
        return {"doubled": True}

    record, weights = run(tmp_path, shipped=shipped, finish=finish)
    assert record["doubled"] is True
    doubled = [*weights[:2], *(2 * last for last in weights[2:])]
    for found, expected in zip(load_network(tmp_path).get_weights(), doubled, strict=True):
        np.testing.assert_array_equal(found, expected)
    with pytest.raises(ValueError, match="`finish` changes what is saved alone"):
        run(tmp_path / "refused", finish=finish)
    untouched = run(tmp_path / "untouched")[1]
    for one, other in zip(weights, untouched, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
@pytest.mark.parametrize("epoch", [0, 2])
def test_a_judged_training_resumes_to_the_same_bits(tmp_path, epoch):
    def judged(folder, **options):
        model = averaging_model()
        return run(folder, model, judge=lambda: -abs(float(np.sum(model.get_weights()[0]))), **options)[0]

    with pytest.raises(KeyboardInterrupt):
        judged(tmp_path / "cut", callbacks=[Interrupt(epoch, at_batch=2)])
    records = [judged(tmp_path / name) for name in ("cut", "whole")]
    assert records[0]["history"] == records[1]["history"]
    networks = [load_network(tmp_path / name).get_weights() for name in ("cut", "whole")]
    for cut, whole in zip(*networks, strict=True):
        np.testing.assert_array_equal(cut, whole)


def test_a_loss_that_becomes_nan_keeps_the_last_good_weights_and_not_their_averages(tmp_path):
    model = averaging_model()
    start = model.get_weights()
    run(tmp_path, model, data=lambda step: batches(step, poisoned_from=2))
    for found, expected in zip(load_network(tmp_path).get_weights(), start, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_callback_can_stop_the_training(tmp_path):
    class Enough(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    record, _ = run(tmp_path, callbacks=[Enough()])
    assert (record["epochs"], record["stopped"]) == (2, None)


@pytest.mark.parametrize("per_execution", [1, pytest.param(3, marks=pytest.mark.slow)])
@pytest.mark.parametrize("where", [(0, 2), pytest.param((2, 2), marks=pytest.mark.slow)], ids=str)
def test_a_long_epoch_is_taken_up_in_its_middle_to_the_same_bits(tmp_path, where, per_execution, monkeypatch):
    expected = run(tmp_path / "whole", new_model(per_execution=per_execution))
    monkeypatch.setattr("tf_denoise.fitting.keeper._SAVED_EVERY", -1.0)  # after each step
    interrupted(tmp_path / "cut", *where, model=new_model(per_execution=per_execution))
    with np.load(tmp_path / "cut" / "state.npz") as state:
        record = json.loads(str(state["record"]))
    assert (record["epoch"], record["step"]) == (where[0], where[1] + 1)
    starts = []

    def data(start):
        starts.append(start)
        return batches(start)

    record, weights = run(tmp_path / "cut", new_model(seed=99, per_execution=per_execution), data=data)
    assert starts[0] == where[0] * STEPS + where[1] + 1
    assert record["history"] == expected[0]["history"]
    for found, other in zip(weights, expected[1], strict=True):
        np.testing.assert_array_equal(found, other)


def test_averages_are_saved_of_a_training_that_was_killed_before_its_network_was_written(tmp_path):
    expected = run(tmp_path / "whole", averaging_model())[1]
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "cut", averaging_model(), callbacks=[Interrupt(3)])
    run(tmp_path / "cut", averaging_model())
    for found, one in zip(load_network(tmp_path / "cut").weights, expected, strict=True):
        np.testing.assert_array_equal(found, one)
