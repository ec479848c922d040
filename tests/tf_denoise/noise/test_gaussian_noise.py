import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as npst
from scipy import stats

import tf_denoise.noise
import tf_denoise.noise.gaussian
from tf_denoise.data import noisy_pairs
from tf_denoise.noise import AdditiveGaussian, PoissonGaussian, additive_gaussian, poisson_gaussian

GREY = np.full((8, 40_001), 0.5, "float32")
LAYERS = [
    AdditiveGaussian(0.2, seed=5, name="noise"),
    AdditiveGaussian((0.1, 0.3), seed=5, name="noise"),
    PoissonGaussian(0.02, 0.1, seed=5, name="noise"),
    PoissonGaussian((0.0, 0.1), (0.02, 0.2), seed=5, name="noise"),
]


@pytest.mark.parametrize("name", ["AdditiveGaussian", "PoissonGaussian", "additive_gaussian", "poisson_gaussian"])
def test_all_noises_are_found_in_one_place(name):
    assert getattr(tf_denoise.noise, name) is getattr(tf_denoise.noise.gaussian, name)


@pytest.mark.parametrize("sigma", [0.01, 0.2, 50.0])
def test_gaussian_noise_is_normal_and_not_cut_off(sigma):
    noise = ((additive_gaussian(GREY, sigma, (3, 4)).numpy().astype("float64") - 0.5) / sigma).ravel()
    assert stats.kstest(noise, "norm").pvalue > 1e-3
    assert abs(noise.mean()) < 4.5 / np.sqrt(noise.size)
    assert abs(noise.var() - 1) < 4.5 * np.sqrt(2 / noise.size)


def test_each_image_gets_its_own_sigma():
    sigmas = np.linspace(0, 1, len(GREY)).astype("float32")
    found = additive_gaussian(GREY, sigmas, (0, 1)).numpy().std(axis=1, dtype="float64")
    np.testing.assert_allclose(found, sigmas, rtol=0.02, atol=1e-7)


def test_values_are_independent():
    noise = additive_gaussian(GREY, 1.0, (5, 6)).numpy()
    for one, other in [(noise[:, :-1], noise[:, 1:]), (noise[:-1], noise[1:])]:
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 5 / np.sqrt(one.size)


@pytest.mark.parametrize(("value", "gain"), [(0.5, 0.01), (0.5, 0.5), (1.0, 0.2), (0.03, 0.01)])
def test_counts_are_poisson(value, gain):
    counts = poisson_gaussian(np.full((4, 5000), value, "float32"), gain, 0.0, (1, 2)).numpy().ravel() / gain
    np.testing.assert_allclose(counts, np.round(counts), atol=1e-3)
    law = stats.poisson(value / gain)
    seen = np.bincount(np.round(counts).astype(int))
    expected = law.pmf(np.arange(len(seen))) * counts.size
    usual = expected > 8
    observed = np.append(seen[usual], counts.size - seen[usual].sum())
    hoped = np.append(expected[usual], counts.size - expected[usual].sum())
    assert stats.chisquare(observed[hoped > 0.5], hoped[hoped > 0.5], sum_check=False).pvalue > 1e-3


def test_the_variance_is_that_of_light_and_of_reading_out():
    values = np.repeat(np.linspace(0, 1, 6, dtype="float32")[:, None], 60_000, axis=1)
    noisy = poisson_gaussian(values, 0.02, 0.05, (7, 8)).numpy().astype("float64")
    np.testing.assert_allclose(noisy.mean(axis=1), values[:, 0], atol=0.003)
    np.testing.assert_allclose(noisy.var(axis=1), 0.02 * values[:, 0] + 0.05**2, rtol=0.03)


def test_no_gain_is_gaussian_noise_alone_and_no_light_is_dark():
    without = poisson_gaussian(GREY, 0.0, 0.1, (1, 2)).numpy()
    np.testing.assert_array_equal(without, additive_gaussian(GREY, 0.1, (3, 2)))
    np.testing.assert_array_equal(poisson_gaussian(-GREY, 0.1, 0.0, (1, 2)), np.zeros_like(GREY))
    mixed = poisson_gaussian(GREY, np.float32([0, 0.1] * 4), 0.0, (1, 2)).numpy()
    np.testing.assert_array_equal(mixed[::2], GREY[::2])
    assert np.all(mixed[1::2].std(axis=1) > 0.2)


@pytest.mark.parametrize("noise", [additive_gaussian, lambda images, s, seed: poisson_gaussian(images, s, s, seed)])
def test_equal_seeds_give_equal_noise_and_unequal_seeds_do_not(noise):
    first = noise(GREY, 0.1, (1, 2)).numpy()
    np.testing.assert_array_equal(first, noise(GREY, 0.1, (1, 2)))
    for other in ((2, 1), (1, 3), (2, 2), (3, 2)):
        assert abs(np.corrcoef(first.ravel(), noise(GREY, 0.1, other).numpy().ravel())[0, 1]) < 0.01


@pytest.mark.parametrize("sigma", [0.37, np.linspace(0, 1, 7, dtype="float32")], ids=["scalar", "per image"])
def test_noise_is_alike_eagerly_in_a_graph_and_under_xla(sigma):
    images = tf.random.stateless_uniform((7, 5, 9, 1), (0, 0))
    seed = tf.constant([8, 9], tf.int64)
    eager = additive_gaussian(images, sigma, (8, 9)).numpy()
    np.testing.assert_array_equal(eager, tf.function(additive_gaussian)(images, tf.constant(sigma), seed))
    compiled = tf.function(additive_gaussian, jit_compile=True)(images, tf.constant(sigma), seed)
    np.testing.assert_allclose(eager, compiled, atol=2e-6)
    poisson = poisson_gaussian(images, sigma, 0.1, (8, 9)).numpy()
    np.testing.assert_array_equal(poisson, tf.function(poisson_gaussian)(images, tf.constant(sigma), 0.1, seed))


def test_poisson_noise_is_not_for_xla():
    assert AdditiveGaussian().supports_jit
    assert not PoissonGaussian().supports_jit
    model = keras.Sequential([keras.Input((4, 4, 1)), PoissonGaussian(), keras.layers.Conv2D(1, 1)])
    model.compile("sgd", "mse")
    assert model.fit(np.ones((2, 4, 4, 1)), np.ones((2, 4, 4, 1)), verbose=0).history["loss"][0] > 0


@settings(max_examples=15)
@given(
    images=npst.arrays(
        "float32", npst.array_shapes(min_dims=1, max_dims=4, max_side=5), elements=st.floats(0, 1, width=32)
    ),
    strength=st.floats(0, 2),
    seed=st.tuples(st.integers(-(2**62), 2**62), st.integers(0, 2**62)),
)
def test_noise_keeps_shapes_and_is_finite(images, strength, seed):
    for noisy in (additive_gaussian(images, strength, seed), poisson_gaussian(images, strength, strength, seed)):
        assert noisy.shape == images.shape
        assert np.all(np.isfinite(noisy))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_noise_keeps_the_dtype(dtype):
    images = tf.fill((4, 500), tf.constant(0.5, dtype))
    for noisy in (additive_gaussian(images, 0.1, (1, 1)), poisson_gaussian(images, 0.01, 0.1, (1, 1))):
        assert noisy.dtype == dtype
        assert 0.05 < np.std(noisy.numpy().astype("float32")) < 0.2


@pytest.mark.parametrize("sigma", [-0.1, float("nan"), float("inf"), [0.5, -2.0]])
def test_a_strength_below_0_is_refused(sigma):
    with pytest.raises(ValueError, match=r"`sigma` is a finite number, 0 or more; received"):
        additive_gaussian(GREY[:2], sigma, (0, 0))
    with pytest.raises(ValueError, match=r"`gain` is a finite number, 0 or more; received"):
        poisson_gaussian(GREY[:2], sigma, 0.1, (0, 0))


@pytest.mark.parametrize(("sigma", "shape"), [([0.1, 0.2, 0.3], r"\(3,\)"), ([[0.1], [0.2]], r"\(2, 1\)")])
def test_another_number_of_strengths_than_images_is_refused(sigma, shape):
    with pytest.raises(ValueError, match=rf"`sigma` is a scalar .* expected shape \(\) or \(2,\), received {shape}"):
        additive_gaussian(GREY[:2], sigma, (0, 0))


@pytest.mark.parametrize("noise", [additive_gaussian, lambda images, s, seed: poisson_gaussian(images, s, s, seed)])
def test_integer_images_are_refused(noise):
    with pytest.raises(ValueError, match=r"_gaussian takes floating-point images.*received dtype uint8"):
        noise(np.zeros((2, 4), "uint8"), 0.5, (0, 0))


@pytest.mark.parametrize("value", [-1, (0.3, 0.1), (0.1, 0.2, 0.3), (-0.1, 0.2), float("nan")])
def test_the_layers_refuse_what_is_neither_a_number_nor_a_pair(value):
    with pytest.raises(ValueError, match=r"`sigma` is a number, 0 or more, or a pair \(low, high\) of such; received"):
        AdditiveGaussian(value)
    with pytest.raises(ValueError, match=r"`gain` is a number"):
        PoissonGaussian(gain=value)


def test_a_pair_is_drawn_uniformly_for_each_image():
    sigmas = AdditiveGaussian((0.1, 0.5)).corrupt(tf.zeros((2000, 400)), (3, 5)).numpy().std(axis=1)
    assert stats.kstest(sigmas, stats.uniform(0.1, 0.4).cdf).statistic < 0.04
    again = AdditiveGaussian((0.1, 0.5)).corrupt(tf.zeros((2000, 400)), (3, 6)).numpy().std(axis=1)
    assert abs(np.corrcoef(sigmas, again)[0, 1]) < 0.1
    noisy = PoissonGaussian((0.0, 0.2), (0.0, 0.5)).corrupt(tf.ones((2000, 400)), (3, 5)).numpy()
    assert noisy.var(axis=1).mean() == pytest.approx(0.1 + 0.25 / 3, rel=0.05)


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_the_layers_are_quiet_outside_training_and_new_each_call_in_it(layer):
    layer = type(layer).from_config(layer.get_config())
    np.testing.assert_array_equal(layer(GREY), GREY)
    np.testing.assert_array_equal(layer(GREY, training=False), GREY)
    first, second = (layer(GREY, training=True).numpy() for _ in range(2))
    assert np.mean(first != second) > 0.9
    np.testing.assert_array_equal(first, type(layer).from_config(layer.get_config())(GREY, training=True))


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_the_layers_round_trip_through_config_and_file(layer, tmp_path):
    layer = type(layer).from_config(layer.get_config())
    model = keras.Sequential([keras.Input((30,)), layer])
    model.save(tmp_path / "noise.keras")
    loaded = keras.models.load_model(tmp_path / "noise.keras").get_layer("noise")
    images = tf.ones((6, 30))
    expected = layer(images, training=True)
    for copy in (type(layer).from_config(layer.get_config()), loaded):
        assert copy.get_config() == layer.get_config()
        np.testing.assert_array_equal(copy(images, training=True), expected)


@pytest.mark.parametrize("make", [AdditiveGaussian, PoissonGaussian])
def test_the_layers_compute_in_their_dtype_policy(make):
    noisy = make(sigma=1.0, seed=0, dtype="mixed_float16")(tf.zeros((2, 300)), training=True)
    assert noisy.dtype == "float16"
    assert make()(keras.Input((28, 28, 3))).shape == (None, 28, 28, 3)


@pytest.mark.slow
def test_the_gaussian_layer_trains_in_fit_under_xla():
    clean = np.sign(np.random.default_rng(0).normal(size=(1, 32)).repeat(256, 0)).astype("float32")
    model = keras.Sequential([keras.Input((32,)), AdditiveGaussian((0.0, 0.5), seed=2), keras.layers.Dense(32)])
    model.compile(keras.optimizers.Adam(0.01), "mse", jit_compile=True)
    losses = model.fit(clean, clean, epochs=10, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]


def test_the_layers_make_pairs():
    for layer in (AdditiveGaussian((0.1, 0.2)), PoissonGaussian()):
        noisy, clean = next(iter(noisy_pairs(GREY[:, :100], layer, batch_size=4)))
        assert 0.03 < np.std(noisy.numpy() - clean.numpy()) < 0.3
