"""SSIM and PSNR as losses and in the face of senseless ranges; their values are tested beside the other measures."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import evaluation.metrics
import tf_denoise
from tf_denoise.metrics import PSNR, SSIM, psnr, ssim

RNG = np.random.default_rng(0)
TRUE, NEAR = RNG.random((2, 3, 16, 16, 2)).astype("float32")
BOTH = pytest.mark.parametrize("measure", [ssim, psnr])


def test_the_evaluation_has_the_same_objects():
    for name in ("SSIM", "PSNR", "ssim", "psnr"):
        assert getattr(evaluation.metrics, name) is getattr(tf_denoise.metrics, name)


@BOTH
@pytest.mark.parametrize("max_val", [0, -1, float("nan"), float("inf"), -0.0, None, [1.0, 2.0], "wide"])
def test_a_range_without_a_width_is_refused(measure, max_val):
    metric = SSIM if measure is ssim else PSNR
    for use in (lambda: measure(TRUE, NEAR, max_val=max_val), lambda: metric(max_val)):
        with pytest.raises(ValueError, match=r"`max_val` is the width of the value range, a positive finite.*received"):
            use()


@BOTH
@pytest.mark.parametrize("max_val", [1e-30, 1e-3, 1e30])
def test_any_width_gives_the_value_of_the_unit_range(measure, max_val):
    if measure is ssim and max_val != 1e-3:
        pytest.skip("the squares of SSIM leave float32")
    scaled = measure(np.float32(max_val) * TRUE, np.float32(max_val) * NEAR, max_val=max_val)
    np.testing.assert_allclose(scaled, measure(TRUE, NEAR, max_val=1.0), rtol=1e-4)


@BOTH
@pytest.mark.parametrize("jit", [False, True])
def test_gradients_are_finite_where_images_are_equal(measure, jit):
    @tf.function(jit_compile=jit)
    def gradient(predicted):
        with tf.GradientTape() as tape:
            tape.watch(predicted)
            loss = -tf.reduce_mean(measure(tf.constant(TRUE), predicted, max_val=1.0))
        return tape.gradient(loss, predicted)

    for images in (TRUE, np.concatenate([TRUE[:1], NEAR[1:]]), np.zeros_like(TRUE), np.ones_like(TRUE)):
        assert np.all(np.isfinite(gradient(tf.constant(images))))


def test_the_gradient_of_psnr_is_that_of_tensorflow_where_images_differ():
    gradients = []
    for measure in (psnr, tf.image.psnr):
        predicted = tf.constant(NEAR)
        with tf.GradientTape() as tape:
            tape.watch(predicted)
            value = measure(tf.constant(TRUE), predicted, max_val=2.0)
        gradients.append((value, tape.gradient(value, predicted)))
    np.testing.assert_allclose(gradients[0][0], gradients[1][0], rtol=1e-5)
    np.testing.assert_allclose(gradients[0][1], gradients[1][1], rtol=1e-4, atol=1e-7)


def test_psnr_trains_from_equal_images():
    model = keras.Sequential([keras.Input((16, 16, 2)), keras.layers.Dense(2, kernel_initializer="identity")])
    model.compile(keras.optimizers.SGD(1e-4), lambda y_true, y_pred: -psnr(y_true, y_pred, max_val=1.0))
    model.fit(TRUE, TRUE, epochs=2, verbose=0)
    assert np.all(np.isfinite(model.get_weights()[0]))


@pytest.mark.parametrize("shape", [(28, 28), (28, 0, 1), 784, "image", (28.0, 28, 1)])
def test_a_shape_that_is_not_of_images_is_refused(shape):
    with pytest.raises(ValueError, match=r"`image_shape` is \(height, width, channels\), three positive integers"):
        PSNR(1.0, image_shape=shape)
