import keras
import numpy as np
import pytest
import tensorflow as tf
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from evaluation import metrics
from evaluation.metrics import PSNR, SSIM, psnr, ssim

RNG = np.random.default_rng(0)
TRUE = RNG.random((6, 28, 24, 3)).astype("float32")
NEAR = np.clip(TRUE + RNG.normal(0, np.linspace(0.01, 0.6, 6)[:, None, None, None], TRUE.shape), 0, 1).astype("float32")
MEASURES = {
    "ssim": lambda a, b: ssim(a, b, max_val=1.0),
    "psnr": lambda a, b: psnr(a, b, max_val=1.0),
    "mse": metrics.mean_squared_error,
    "mae": metrics.mean_absolute_error,
    "bce": metrics.binary_crossentropy,
    "accuracy": metrics.pixel_accuracy,
}
EVERY_MEASURE = pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES.keys())
BOTH_METRICS = pytest.mark.parametrize(("metric", "measure"), [(SSIM, ssim), (PSNR, psnr)], ids=["ssim", "psnr"])


def skimage_ssim(true, other, max_val):
    """Mean over the places where the whole window of 11 pixels fits, as scikit-image crops it."""
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": max_val}
    return [
        structural_similarity(a.astype("float64"), b.astype("float64"), channel_axis=-1, **options)
        for a, b in zip(true, other, strict=True)
    ]


@pytest.mark.parametrize(("scale", "shift", "max_val"), [(1, 0, 1.0), (2, -1, 2.0), (255, 0, 255.0)])
def test_ssim_is_that_of_scikit_image(scale, shift, max_val):
    true, near = TRUE * scale + shift, NEAR * scale + shift
    np.testing.assert_allclose(ssim(true, near, max_val=max_val), skimage_ssim(true, near, max_val), atol=2e-5)


@pytest.mark.parametrize(("scale", "shift", "max_val"), [(1, 0, 1.0), (2, -1, 2.0), (255, 0, 255.0)])
def test_psnr_is_that_of_scikit_image(scale, shift, max_val):
    true, near = TRUE * scale + shift, NEAR * scale + shift
    expected = [peak_signal_noise_ratio(a, b, data_range=max_val) for a, b in zip(true, near, strict=True)]
    np.testing.assert_allclose(psnr(true, near, max_val=max_val), expected, atol=1e-3)


def test_errors_are_those_of_numpy():
    difference = TRUE.astype("float64") - NEAR
    np.testing.assert_allclose(metrics.mean_squared_error(TRUE, NEAR), np.mean(difference**2, (1, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(metrics.mean_absolute_error(TRUE, NEAR), np.mean(abs(difference), (1, 2, 3)), rtol=1e-5)


def test_cross_entropy_is_that_of_keras_with_the_target_first():
    flat_true, flat_near = TRUE.reshape(6, -1), NEAR.reshape(6, -1)  # NEAR holds exact zeros and ones
    expected = keras.losses.binary_crossentropy(flat_true, flat_near)
    np.testing.assert_allclose(metrics.binary_crossentropy(TRUE, NEAR), expected, rtol=1e-5)
    swapped = keras.losses.binary_crossentropy(flat_near, flat_true)
    assert np.all(np.abs(metrics.binary_crossentropy(TRUE, NEAR) - swapped) > 1e-4)


def test_pixel_accuracy_is_exact_equality_after_rounding():
    expected = np.mean(np.round(TRUE.astype("float64"), 2) == np.round(NEAR.astype("float64"), 2), (1, 2, 3))
    np.testing.assert_allclose(metrics.pixel_accuracy(TRUE, NEAR), expected, atol=1e-6)
    assert metrics.pixel_accuracy([[0.5, 0.5]], [[0.54, 0.56]], decimals=1).numpy().tolist() == [0.5]


def test_round_values_rounds_as_numpy_does():
    values = np.concatenate([RNG.uniform(-1, 1, 5000), np.arange(-100, 101) / 100]).astype("float32")
    np.testing.assert_allclose(metrics.round_values(values), np.round(values, 2), atol=1e-7)
    np.testing.assert_array_equal(metrics.round_values([0.125, 0.375, -0.125]) * 100, np.float32([12, 38, -12]))


def test_identical_images_are_at_the_ends_of_the_scales():
    best = {name: measure(TRUE, TRUE).numpy() for name, measure in MEASURES.items()}
    np.testing.assert_array_equal(best["psnr"], 100.0)
    np.testing.assert_allclose(best["ssim"], 1.0, atol=1e-6)
    np.testing.assert_array_equal(best["accuracy"], 1.0)
    np.testing.assert_array_equal([best["mse"], best["mae"]], 0.0)


def test_psnr_ends_at_a_squared_error_of_1e_10_of_the_range():
    near_limit = psnr(np.zeros((1, 4, 4, 1)), np.full((1, 4, 4, 1), 2e-5 * 1.1), max_val=2.0)
    beyond = psnr(np.zeros((1, 4, 4, 1)), np.full((1, 4, 4, 1), 2e-5 / 1.1), max_val=2.0)
    np.testing.assert_allclose(near_limit, 100 - 20 * np.log10(1.1), atol=1e-3)
    np.testing.assert_array_equal(beyond, 100.0)


@EVERY_MEASURE
def test_a_measure_has_one_value_per_image_that_others_do_not_touch(measure):
    together = measure(TRUE, NEAR)
    assert together.shape == (6,)
    assert together.dtype == "float32"
    np.testing.assert_allclose(together, [measure(TRUE[i : i + 1], NEAR[i : i + 1])[0] for i in range(6)], rtol=1e-5)
    assert np.all(np.diff(together) != 0)  # no pooled mean in disguise


@EVERY_MEASURE
def test_a_measure_takes_half_precision_and_unequal_shapes_are_refused(measure):
    halves = measure(tf.cast(TRUE, "float16"), tf.cast(NEAR, "float16"))
    assert halves.dtype == "float32"
    np.testing.assert_allclose(halves, measure(np.float16(TRUE).astype("f"), np.float16(NEAR).astype("f")), rtol=1e-6)
    with pytest.raises(ValueError, match=r"same shape; received \(6, 28, 24, 3\) and \(6, 28, 24, 1\)"):
        measure(TRUE, NEAR[..., :1])


def test_measures_are_alike_in_a_graph_and_under_xla():
    for jit in (False, True):
        compiled = tf.function(lambda a, b: [m(a, b) for m in MEASURES.values()], jit_compile=jit)(TRUE, NEAR)
        for measure, value in zip(MEASURES.values(), compiled, strict=True):
            np.testing.assert_allclose(value, measure(TRUE, NEAR), rtol=2e-5)


def test_ssim_says_what_to_do_about_small_and_flattened_images():
    with pytest.raises(ValueError, match=r"at least 11 x 11 pixels; received shape \(2, 8, 8, 1\).*filter_size=7"):
        ssim(tf.zeros((2, 8, 8, 1)), tf.zeros((2, 8, 8, 1)), max_val=1.0)
    assert ssim(tf.zeros((2, 8, 8, 1)), tf.zeros((2, 8, 8, 1)), max_val=1.0, filter_size=7).shape == (2,)
    for measure in (ssim, psnr):
        with pytest.raises(ValueError, match=r"received shape \(2, 784\)(.|\n)*image_shape="):
            measure(tf.zeros((2, 784)), tf.zeros((2, 784)), max_val=1.0)


@BOTH_METRICS
def test_a_metric_is_the_mean_over_images_of_all_batches(metric, measure):
    whole = metric(max_val=1.0)
    whole.update_state(TRUE[:4], NEAR[:4])
    whole.update_state(TRUE[4:], NEAR[4:])
    np.testing.assert_allclose(whole.result(), np.mean(measure(TRUE, NEAR, max_val=1.0)), rtol=1e-5)
    whole.reset_state()
    assert float(whole.result()) == 0


@BOTH_METRICS
def test_a_metric_weighs_images_and_reshapes_flattened_ones(metric, measure):
    weights = np.float32([1, 0, 2, 0, 0, 0.5])
    flat = metric(max_val=1.0, image_shape=(28, 24, 3))
    flat.update_state(TRUE.reshape(6, -1), NEAR.reshape(6, -1), sample_weight=weights)
    expected = np.average(measure(TRUE, NEAR, max_val=1.0), weights=weights)
    np.testing.assert_allclose(flat.result(), expected, rtol=1e-5)


@BOTH_METRICS
def test_a_metric_round_trips_through_its_config(metric, measure):
    options = {"filter_size": 7} if metric is SSIM else {}
    one = metric(max_val=2.0, image_shape=(28, 24, 3), name="mine", **options)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(one))
    assert type(copy) is metric
    assert copy.get_config() == one.get_config()
    assert (copy.name, copy.max_val, copy.image_shape) == ("mine", 2.0, (28, 24, 3))
    assert float(copy(TRUE, NEAR)) == float(one(TRUE, NEAR))


def test_metrics_work_in_compile_and_in_a_saved_model(tmp_path):
    true, near = TRUE[..., :1].reshape(6, -1), NEAR[..., :1].reshape(6, -1)
    shape = (28, 24, 1)
    model = keras.Sequential([keras.Input((28 * 24,)), keras.layers.Activation("linear")])
    model.compile(
        loss="mse",
        metrics=[SSIM(max_val=1.0, image_shape=shape), PSNR(max_val=1.0, image_shape=shape)],
        jit_compile=True,
    )
    found = model.evaluate(near, true, batch_size=4, verbose=0, return_dict=True)
    shaped = true.reshape(-1, *shape), near.reshape(-1, *shape)
    for measure in (ssim, psnr):
        expected = np.mean(measure(*shaped, max_val=1.0))
        np.testing.assert_allclose(found[measure.__name__], expected, rtol=1e-4)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        again.evaluate(near, true, batch_size=4, verbose=0, return_dict=True)["ssim"], found["ssim"], rtol=1e-5
    )
