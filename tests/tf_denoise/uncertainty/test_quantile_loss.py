"""The loss that intervals are learned by, held against scikit-learn's and against quantiles."""

import keras
import numpy as np
import pytest
from sklearn.metrics import mean_pinball_loss

from tf_denoise.uncertainty.quantile_loss import quantile_loss


@pytest.mark.parametrize("miscoverage", [0.1, 0.4])
def test_it_is_the_sum_of_two_pinball_losses(miscoverage):
    rng = np.random.default_rng(0)
    residuals, widths = rng.normal(size=(3, 5, 4, 2)), rng.gamma(2, 0.5, (3, 5, 4, 4))
    found = quantile_loss(residuals, widths, miscoverage).numpy()
    assert found.shape == (3,)
    for image in range(3):
        below, above = widths[image, ..., :2], widths[image, ..., 2:]
        truth = residuals[image].ravel()
        expected = mean_pinball_loss(truth, -below.ravel(), alpha=miscoverage / 2)
        expected += mean_pinball_loss(truth, above.ravel(), alpha=1 - miscoverage / 2)
        assert found[image] == pytest.approx(expected)


def test_it_is_least_at_the_quantiles():
    residuals = np.random.default_rng(0).gamma(1.5, 1, (1, 100, 100, 1)) - 1
    low, high = np.quantile(residuals, [0.05, 0.95])

    def loss(below, above):
        widths = np.broadcast_to([below, above], (1, 100, 100, 2))
        return float(quantile_loss(residuals, widths)[0])

    least = loss(-low, high)
    for step in (-0.05, 0.05):
        assert loss(-low + step, high) > least
        assert loss(-low, high + step) > least


def test_keras_trains_with_it_and_weighs_images():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((None, None, 2)), keras.layers.Conv2D(2, 1, activation="softplus")])
    model.compile(keras.optimizers.Adam(0.05), quantile_loss, jit_compile=False)
    residuals = np.random.default_rng(0).normal(0, 1, (64, 8, 8, 1)).astype("float32")
    given = np.zeros((64, 8, 8, 2), "float32")
    often = [np.tile(values, (25, 1, 1, 1)) for values in (given, residuals)]
    model.fit(*often, sample_weight=np.full(64 * 25, 2.0, "float32"), epochs=6, shuffle=False, verbose=0)
    below, above = model(given[:1])[0, 0, 0].numpy()
    assert below == pytest.approx(-np.quantile(residuals, 0.05), abs=0.1)
    assert above == pytest.approx(np.quantile(residuals, 0.95), abs=0.1)
    doubled = model.evaluate(given, residuals, sample_weight=np.full(64, 2.0, "float32"), verbose=0)
    assert doubled == pytest.approx(2 * model.evaluate(given, residuals, verbose=0), rel=1e-5)
