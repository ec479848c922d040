"""Networks that refine a prediction, and two stages in one network, held against NumPy."""

import keras
import numpy as np
import pytest
from network_checks import with_random_weights

from tf_denoise.chain import beside, refine
from tf_denoise.models import DenseAutoencoder, RefiningAutoencoder, TwoStageAutoencoder

NOISY, PREDICTION = np.random.default_rng(0).uniform(-1, 1, (2, 5, 20)).astype("float32")


def g(model, values):
    """The dense layers of a network in NumPy: elu inside, tanh at the end."""
    values = np.asarray(values, "float64")
    *hidden, last = [layer.get_weights() for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    for kernel, bias in hidden:
        values = values @ kernel + bias
        values = np.where(values > 0, values, np.expm1(values))
    return np.tanh(values @ last[0] + last[1])


def by_hand(model, noisy, prediction):
    if model.form == "sos":
        return 2 * g(model, (noisy + prediction) / 2) - prediction
    found = g(model, np.concatenate([noisy, prediction], axis=1))
    return found + prediction if model.form == "correction" else found


@pytest.mark.parametrize("form", ["both", "sos", "correction"])
def test_a_second_stage_is_what_its_formula_says(form):
    model = with_random_weights(RefiningAutoencoder(20, (8, 4), form))
    expected = by_hand(model, NOISY, PREDICTION)
    assert (np.abs(expected).max() > 1.1) == (form != "both")  # there is something to clip
    np.testing.assert_allclose(refine(model, NOISY, PREDICTION), np.clip(expected, -1, 1), atol=1e-5)
    np.testing.assert_allclose(refine(model, NOISY, PREDICTION, training=True), expected, atol=1e-5)


def test_a_correction_begins_as_the_prediction():
    model = RefiningAutoencoder(20, (8, 4), "correction")
    np.testing.assert_array_equal(refine(model, NOISY, PREDICTION), PREDICTION)


@pytest.mark.parametrize("form", ["both", "sos", "correction"])
def test_two_stages_are_the_second_behind_the_first(form):
    model = with_random_weights(TwoStageAutoencoder(20, (8, 4), form))
    expected = by_hand(model.second, NOISY, g(model.first, NOISY))
    np.testing.assert_allclose(model(NOISY), np.clip(expected, -1, 1), atol=1e-5)
    np.testing.assert_allclose(model(NOISY, training=True), expected, atol=1e-5)
    assert len(model.weights) == len(model.first.weights) + len(model.second.weights)


def test_one_stage_twice_has_the_weights_of_one():
    model = with_random_weights(TwoStageAutoencoder(20, (8, 4), "twice"))
    np.testing.assert_allclose(model(NOISY), g(model.first, g(model.first, NOISY)), atol=1e-5)
    assert model.count_params() == DenseAutoencoder(20, (8, 4)).count_params()
    model = with_random_weights(TwoStageAutoencoder(20, (8, 4), "twice-both"))
    first = by_hand(model.first, NOISY, NOISY)
    np.testing.assert_allclose(model(NOISY), by_hand(model.first, NOISY, first), atol=1e-5)
    assert model.count_params() == RefiningAutoencoder(20, (8, 4)).count_params()


def test_a_network_of_a_chain_is_given_what_it_sees():
    np.testing.assert_array_equal(beside(NOISY, PREDICTION), np.concatenate([NOISY, PREDICTION], axis=1))
    alone = with_random_weights(DenseAutoencoder(20, (8,)))
    np.testing.assert_array_equal(refine(alone, NOISY, PREDICTION), alone(PREDICTION))


@pytest.mark.parametrize("kind", [RefiningAutoencoder, TwoStageAutoencoder])
def test_an_unknown_form_is_refused(kind):
    with pytest.raises(ValueError, match=rf"{kind.__name__} takes one of both, sos, .* as its form; received 'thrice'"):
        kind(20, (8,), "thrice")
