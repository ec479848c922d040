import keras
import numpy as np
import pytest
import tensorflow as tf
from loss_cases import random_pair

from tf_denoise.losses import FrequencySharpnessLoss, MemberMetric, RegionalSharpnessLoss, WeightedSumLoss, weighted_sum


def mean_cube(y_true, y_pred):
    return tf.reduce_mean(tf.abs(y_true - y_pred) ** 3, axis=[1, 2, 3])


def whole_batch(y_true, y_pred):
    return tf.reduce_mean(y_true - y_pred)


def test_is_the_sum_of_its_members():
    y_true, y_pred = random_pair((3, 16, 16, 2))
    frequency = FrequencySharpnessLoss(reduction="none")
    loss = WeightedSumLoss([(0.8, "mse"), (0.2, frequency), (0.5, mean_cube)], reduction="none")
    squared = np.mean((y_true - y_pred) ** 2, axis=(1, 2, 3))
    cubed = np.mean(np.abs(y_true - y_pred) ** 3, axis=(1, 2, 3))
    expected = 0.8 * squared + 0.2 * frequency(y_true, y_pred).numpy() + 0.5 * cubed
    np.testing.assert_allclose(loss(y_true, y_pred), expected, rtol=1e-5)


@pytest.mark.parametrize(
    "member",
    ["mse", "MeanSquaredError", keras.losses.MeanSquaredError(reduction="sum"), keras.losses.mean_squared_error],
)
def test_takes_whatever_keras_takes_for_a_loss(member):
    y_true, y_pred = random_pair((2, 4, 4, 1))
    expected = np.mean((y_true - y_pred) ** 2, axis=(1, 2, 3))
    np.testing.assert_allclose(weighted_sum(y_true, y_pred, [(1.0, member)]), expected, rtol=1e-5)
    config = keras.losses.serialize(keras.losses.get(member))
    np.testing.assert_allclose(weighted_sum(y_true, y_pred, [(1.0, config)]), expected, rtol=1e-5)


def test_sums_nest():
    y_true, y_pred = random_pair((2, 16, 16, 1))
    inner = WeightedSumLoss([(1.0, "mse"), (2.0, FrequencySharpnessLoss())])
    outer = WeightedSumLoss([(0.5, inner)])
    again = keras.losses.deserialize(keras.losses.serialize(outer))
    assert float(outer(y_true, y_pred)) == pytest.approx(0.5 * float(inner(y_true, y_pred)), rel=1e-6)
    assert float(again(y_true, y_pred)) == float(outer(y_true, y_pred))


def test_members_are_metrics_of_a_model(tmp_path):
    y_true, y_pred = random_pair((5, 16, 16, 1))
    frequency = FrequencySharpnessLoss(high_freq_weight=0.0)
    loss = WeightedSumLoss([(0.8, "mse"), (0.1, FrequencySharpnessLoss()), (0.1, frequency)])
    model = keras.Sequential([keras.Input((None, None, 1)), keras.layers.Conv2D(1, 3, padding="same")])
    model.compile(loss=loss, metrics=loss.member_metrics())
    output = model.predict(y_pred, verbose=0)
    # Batches of two, two and one: the mean is over images, not over batches.
    values = model.evaluate(y_pred, y_true, batch_size=2, verbose=0, return_dict=True)
    assert values["mean_squared_error"] == pytest.approx(np.mean((y_true - output) ** 2), rel=1e-4)
    assert values["frequency_sharpness_2"] == pytest.approx(float(frequency(y_true, output)), rel=1e-4)
    parts = ("mean_squared_error", "frequency_sharpness", "frequency_sharpness_2")
    total = np.dot([0.8, 0.1, 0.1], [values[part] for part in parts])
    assert values["loss"] == pytest.approx(total, rel=1e-4)

    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.evaluate(y_pred, y_true, batch_size=2, verbose=0, return_dict=True) == pytest.approx(values)


def test_metric_weighs_images_and_forgets_when_reset():
    y_true, y_pred = random_pair((2, 16, 16, 1))
    metric = MemberMetric(RegionalSharpnessLoss(window_size=8))
    values = RegionalSharpnessLoss(window_size=8, reduction="none")(y_true, y_pred).numpy()
    metric.update_state(y_true, y_pred, sample_weight=[1.0, 3.0])
    assert float(metric.result()) == pytest.approx(np.average(values, weights=[1, 3]), rel=1e-5)
    metric.reset_state()
    assert float(metric.result()) == 0


def test_metric_round_trips_through_its_config():
    y_true, y_pred = random_pair((2, 16, 16, 1))
    metric = MemberMetric(FrequencySharpnessLoss(high_freq_weight=1.0), name="mine")
    again = keras.metrics.deserialize(keras.metrics.serialize(metric))
    assert again.name == "mine"
    assert again.get_config() == metric.get_config()
    for each in (metric, again):
        each.update_state(y_true, y_pred)
    assert float(again.result()) == float(metric.result())


@pytest.mark.parametrize("members", [[], None, [0.8, "mse"], [("mse",)]])
def test_refuses_what_are_not_pairs(members):
    with pytest.raises(ValueError, match="`members` are one or more pairs of weight and loss"):
        WeightedSumLoss(members)


def test_refuses_a_pair_the_wrong_way_round_and_no_loss():
    with pytest.raises(ValueError, match=r"`members\[0\]'s weight` is a finite number of at least 0; received 'mse'"):
        WeightedSumLoss([("mse", 0.8)])
    with pytest.raises(ValueError, match=r"members\[1\] is a weight and a Keras loss or its name; received None"):
        WeightedSumLoss([(1.0, "mse"), (1.0, None)])


def test_refuses_a_member_that_gives_one_value_for_the_batch():
    y_true, y_pred = random_pair((2, 4, 4, 1))
    with pytest.raises(ValueError, match=r"one value per image or per pixel.*'whole_batch' gave shape \(\)"):
        WeightedSumLoss([(1.0, whole_batch)])(y_true, y_pred)
