"""Trainings that fall, and are led back to their best weights."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_trainings import CLEAN, STEPS, Interrupt, batches, new_model, run

from tf_denoise.data import draw_batch
from tf_denoise.fitting.optimizer import SteadyAdam
from tf_denoise.runs.contents import is_its_start
from tf_denoise.runs.loading import load_network


def falling(folder, judgements, model=None, start=10.0, **options):
    """A training whose judgements are given, and the weights that each was made of: the start's first."""
    model, seen = model or steady_model(), []

    def judge():
        seen.append(model.get_weights())
        epochs = int(model.optimizer.iterations) // STEPS
        return judgements[epochs - 1] if epochs else start

    record, _ = run(folder, model, judge=judge, fall=3.0, **options)
    return record, seen, model


def steady_model():
    model = new_model()
    model.compile(SteadyAdam(0.05, use_ema=True, ema_momentum=0.5), "mse", jit_compile=False)
    return model


def test_a_fall_leads_back_to_the_best_weights_at_half_the_rate_as_often_as_needed(tmp_path, capsys):
    after = []

    class Follow(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            after.append(self.model.get_weights())

    record, seen, model = falling(tmp_path, [20.0, 25.0, 21.0, 21.9], callbacks=[Follow()])
    assert record["history"]["val_psnr"] == [20.0, 25.0, 21.0, 21.9]
    assert [fall["epoch"] for fall in record["falls"]] == [3, 4]
    assert [fall.get("rate_factor") for fall in record["falls"]] == [0.5, None]  # nothing comes after the last epoch
    assert record["falls"][0]["why"] == "the validation fell from 25.00 to 21.00 in epoch 3"
    assert float(model.optimizer.rate_factor) == 0.25
    for best, third, fourth, saved in zip(seen[2], *after[2:], load_network(tmp_path).get_weights(), strict=True):
        np.testing.assert_array_equal(third, best)
        np.testing.assert_array_equal(fourth, best)
        np.testing.assert_array_equal(saved, best)
    out = capsys.readouterr().out
    assert "fell from 25.00 to 21.00 in epoch 3; back to the best weights, on at 0.5 of the rate." in out
    assert "fell from 25.00 to 21.90 in epoch 4; back to the best weights.\n" in out
    assert not is_its_start(record)
    assert json.loads((tmp_path / "training.json").read_text())["falls"] == record["falls"]


def test_what_lies_less_than_that_below_the_best_is_no_fall(tmp_path):
    assert falling(tmp_path, [20.0, 25.0, 22.0, 22.5])[0]["falls"] == []


def test_a_judgement_that_is_nan_is_a_fall(tmp_path):
    record, _, _ = falling(tmp_path, [20.0, float("nan"), 20.5, 21.0])
    assert [fall["why"] for fall in record["falls"]] == ["the validation fell from 20.00 to nan in epoch 2"]


@pytest.mark.parametrize("where", [(2, 1), pytest.param((3, 2), marks=pytest.mark.slow)], ids=str)
def test_a_training_that_fell_resumes_to_the_same_bits(tmp_path, where):
    judgements = [20.0, 25.0, 21.0, 26.0]
    with pytest.raises(KeyboardInterrupt):
        falling(tmp_path / "cut", judgements, callbacks=[Interrupt(*where)])
    results = [falling(tmp_path / name, judgements) for name in ("cut", "whole")]
    assert results[0][0]["history"] == results[1][0]["history"]
    assert results[0][0]["falls"] == results[1][0]["falls"] != []
    for cut, whole in zip(*[load_network(tmp_path / name).get_weights() for name in ("cut", "whole")], strict=True):
        np.testing.assert_array_equal(cut, whole)


@pytest.mark.parametrize("good_epochs", [0, 2])
def test_a_loss_that_is_not_finite_leads_back_too(tmp_path, good_epochs):
    bad = good_epochs * STEPS + 2

    def data(start):
        def batch(step):
            index, _ = draw_batch(step, 8, len(CLEAN))
            images = tf.where(step == bad, float("nan"), tf.gather(CLEAN, index))
            return images, images

        return tf.data.Dataset.counter(start).map(batch)

    record, _, model = falling(tmp_path, [20.0, 21.0, 22.0, 23.0], data=data)
    assert record["stopped"] is None
    assert record["epochs"] == 4
    assert [fall["why"] for fall in record["falls"]] == [f"the loss became nan in epoch {good_epochs + 1}"]
    assert np.isfinite(record["history"]["loss"]).all()
    assert np.all([np.isfinite(w).all() for w in model.get_weights()])


def test_a_loss_that_is_never_finite_stops_the_training(tmp_path):
    record, _, _ = falling(tmp_path, [20.0, 21.0], data=lambda start: batches(start, poisoned_from=STEPS + 2))
    assert [fall["why"] for fall in record["falls"]] == ["the loss became nan in epoch 2"]
    assert record["stopped"] == "the loss became nan in epoch 2; the state after epoch 1 was kept"


def test_an_epoch_that_ends_with_a_loss_that_is_not_finite_has_none(tmp_path):
    def data(start):
        def batch(step):
            images = tf.where(step == STEPS - 1, float("nan"), tf.gather(CLEAN, draw_batch(step, 8, len(CLEAN))[0]))
            return images, images

        return tf.data.Dataset.counter(start).map(batch)

    record, _, _ = falling(tmp_path, [20.0, 21.0, 22.0, 23.0], data=data)
    assert np.isnan(record["history"]["loss"]).tolist() == [True, False, False, False]
    assert (record["stopped"], len(record["falls"])) == (None, 1)


def test_a_fall_before_the_first_success_leads_back_to_the_start(tmp_path):
    model = steady_model()
    start = model.get_weights()
    record, _, _ = falling(tmp_path, [9.0, 9.0, 31.5, 32.0], model, start=31.0)
    assert [fall["why"] for fall in record["falls"]] == [
        "the validation fell from 31.00 to 9.00 in epoch 1",
        "the validation fell from 31.00 to 9.00 in epoch 2",
    ]
    assert record["start_value"] == 31.0
    record, _, _ = falling(tmp_path / "kept", [30.0, 29.0, 30.5, 28.5], steady_model(), start=31.0)
    assert record["falls"] == []
    assert is_its_start(record)
    assert is_its_start(record | {"history": {"val_psnr": [np.nan] * 4}})
    assert not is_its_start(record | {"start_value": None})
    for found, expected in zip(load_network(tmp_path / "kept").get_weights(), start, strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.slow
@pytest.mark.parametrize("saved_every", [240.0, -1.0])
def test_a_loss_that_is_not_finite_in_the_first_epoch_leads_to_the_same_bits_however_often_the_state_is_saved(
    tmp_path, saved_every, monkeypatch
):
    def data(start):
        def batch(step):
            images = tf.where(step == 4, float("nan"), tf.gather(CLEAN, draw_batch(step, 8, len(CLEAN))[0]))
            return images, images

        return tf.data.Dataset.counter(start).map(batch)

    falling(tmp_path / "whole", [20.0, 21.0, 22.0, 23.0], data=data)
    monkeypatch.setattr("tf_denoise.fitting.keeper._SAVED_EVERY", saved_every)
    with pytest.raises(KeyboardInterrupt):
        falling(tmp_path / "cut", [20.0, 21.0, 22.0, 23.0], data=data, callbacks=[Interrupt(0, at_batch=3)])
    falling(tmp_path / "cut", [20.0, 21.0, 22.0, 23.0], data=data)
    networks = [load_network(tmp_path / name).get_weights() for name in ("cut", "whole")]
    for found, expected in zip(*networks, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_training_in_float16_that_falls_is_led_back_too(tmp_path):
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(5, "tanh"), keras.layers.Dense(6, dtype="float32")]
    keras.config.set_dtype_policy("mixed_float16")
    model = keras.Sequential([keras.Input((6,)), *layers])
    model.compile(SteadyAdam(0.05, use_ema=True), "mse", jit_compile=False)
    assert type(model.optimizer).__name__ == "LossScaleOptimizer"
    record, _, _ = falling(tmp_path, [20.0, 25.0, 21.0, 26.0], model)
    assert [fall["rate_factor"] for fall in record["falls"]] == [0.5]
    assert record["stopped"] is None


def test_a_fall_needs_a_judge_and_the_optimizer_that_goes_back(tmp_path):
    for model, options in ((new_model(), {"judge": lambda: 1.0}), (steady_model(), {})):
        with pytest.raises(ValueError, match="`fall` needs a `judge`, and a `SteadyAdam` as the optimizer"):
            run(tmp_path, model, fall=3.0, **options)


@pytest.mark.slow
def test_a_training_that_always_falls_is_stopped_at_last(tmp_path):
    record, _, _ = falling(tmp_path, [20.0, *[0.0] * 23], epochs=24)
    assert len(record["falls"]) == 20
    assert record["stopped"] == "the validation fell from 20.00 to 0.00 in epoch 22; the state after epoch 21 was kept"


@pytest.mark.slow
def test_averaged_weights_are_set_aside_where_an_epoch_is_taken_up_in_its_middle(tmp_path, monkeypatch):
    whole = falling(tmp_path / "whole", [20.0, 21.0, 22.0, 23.0])
    monkeypatch.setattr("tf_denoise.fitting.keeper._SAVED_EVERY", -1.0)
    with pytest.raises(KeyboardInterrupt):
        falling(tmp_path / "cut", [20.0, 21.0, 22.0, 23.0], callbacks=[Interrupt(1, at_batch=3)])
    cut = falling(tmp_path / "cut", [20.0, 21.0, 22.0, 23.0])
    assert cut[0]["history"] == whole[0]["history"]
    for found, expected in zip(
        *[load_network(tmp_path / name).get_weights() for name in ("cut", "whole")], strict=True
    ):
        np.testing.assert_array_equal(found, expected)


def test_the_best_network_so_far_is_there_while_the_training_goes_on(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        falling(tmp_path, [20.0, 25.0, 24.0, 26.0], callbacks=[Interrupt(2)])
    seen = falling(tmp_path / "other", [20.0, 25.0, 24.0, 26.0])[1]
    for found, expected in zip(load_network(tmp_path).get_weights(), seen[2], strict=True):
        np.testing.assert_array_equal(found, expected)
    assert not (tmp_path / "training.json").exists()
    unfinished = json.loads((tmp_path / "unfinished.json").read_text())
    assert (unfinished["epochs"], unfinished["of"]) == (3, 4)
    assert unfinished["history"]["val_psnr"] == [20.0, 25.0, 24.0]
    assert unfinished["falls"] == []
    assert not (tmp_path / "other" / "unfinished.json").exists()
