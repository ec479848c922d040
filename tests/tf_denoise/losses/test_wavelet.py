import numpy as np
import pytest
import pywt
import tensorflow as tf
from hypothesis import given, settings, strategies as st
from loss_cases import random_pair

from tf_denoise.losses import WaveletSharpnessLoss, wavelet_details, wavelet_sharpness
from tf_denoise.losses.wavelet import wavelet_filters

WAVELETS = pytest.mark.parametrize("wavelet", ["haar", "db2", "db3"])


@WAVELETS
def test_filters_are_those_of_pywavelets(wavelet):
    averaging, difference = wavelet_filters(wavelet)
    np.testing.assert_allclose(averaging, pywt.Wavelet(wavelet).dec_lo, atol=1e-12)
    np.testing.assert_allclose(difference, pywt.Wavelet(wavelet).dec_hi, atol=1e-12)


@WAVELETS
@pytest.mark.parametrize("size", [(40, 40), (41, 47), (43, 44)])
def test_bands_are_those_of_pywavelets(wavelet, size):
    images, _ = random_pair((2, *size, 3), dtype="float64")
    levels = 3
    bands = wavelet_details(images, wavelet, levels)
    _, *expected = pywt.wavedec2(images, wavelet, mode="symmetric", level=levels, axes=(1, 2))
    for actual, level in zip(bands, reversed(expected), strict=True):
        np.testing.assert_allclose(actual, np.stack(level, axis=-1), atol=1e-12)


@WAVELETS
def test_loss_is_that_of_pywavelets_bands(wavelet):
    y_true, y_pred = random_pair((2, 41, 44, 2))
    levels = [pywt.wavedec2(images, wavelet, mode="symmetric", level=3, axes=(1, 2))[1:] for images in (y_true, y_pred)]
    distances = [
        np.abs(np.abs(np.stack(true)) - np.abs(np.stack(pred))).mean((0, 2, 3, 4))
        for true, pred in zip(*levels, strict=True)
    ]
    np.testing.assert_allclose(
        wavelet_sharpness(y_true, y_pred, wavelet, 3, scale=1.0), np.mean(distances, axis=0), rtol=1e-5
    )


@WAVELETS
@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 2**32 - 1), offset=st.floats(-1, 1))
def test_details_do_not_see_the_mean(wavelet, seed, offset):
    image, _ = random_pair((1, 24, 24, 1), seed)
    for actual, expected in zip(
        wavelet_details(image + offset, wavelet, 2), wavelet_details(image, wavelet, 2), strict=True
    ):
        np.testing.assert_allclose(actual, expected, atol=1e-5)


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 2**32 - 1))
def test_haar_keeps_the_energy_of_an_even_image(seed):
    image, _ = random_pair((1, 16, 16, 1), seed)
    energy = sum(np.sum(band.numpy() ** 2) for band in wavelet_details(image, "haar", 4))
    assert energy == pytest.approx(np.sum((image - image.mean()) ** 2), rel=1e-4)


def test_knows_where_a_texture_lies():
    left, right = np.zeros((2, 1, 16, 32, 1), "float32")
    left[:, ::2, 4], right[:, ::2, 20] = 1, 1
    assert float(wavelet_sharpness(left, right)[0]) > 1e-3


def test_bands_say_how_an_edge_lies():
    rows = np.zeros((1, 8, 8, 1), "float32")
    rows[:, ::2] = 1
    horizontal, vertical, diagonal = np.abs(wavelet_details(rows, "haar", 1)[0]).sum((0, 1, 2, 3))
    assert horizontal > 0
    assert vertical == pytest.approx(0, abs=1e-5)
    assert diagonal == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize(
    ("wavelet", "levels", "shape", "message"),
    [
        ("haar", 4, (1, 16, 15, 1), "4 levels of 'haar' are too deep for images of 16 x 15 .*Choose levels=3 or less"),
        ("db2", 3, (1, 16, 16, 1), "they need sides of at least 24 pixels. Choose levels=2 or less"),
        ("db3", 1, (1, 9, 40, 1), "too small for 'db3': even one level needs sides of at least 10 pixels"),
    ],
)
def test_refuses_a_level_too_deep(wavelet, levels, shape, message):
    loss = WaveletSharpnessLoss(wavelet, levels)
    with pytest.raises(ValueError, match=message):
        loss(np.zeros(shape), np.zeros(shape))
    run = tf.function(lambda x: loss(x, x), input_signature=[tf.TensorSpec((None, None, None, 1))])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"images are too small: \d levels"):
        run(tf.zeros(shape))


def test_deepest_level_is_that_of_pywavelets():
    for size in (8, 15, 16, 24, 40):
        for wavelet in ("haar", "db2"):
            deepest = pywt.dwt_max_level(size, wavelet)
            assert len(wavelet_details(np.zeros((1, size, size, 1)), wavelet, deepest)) == deepest
            with pytest.raises(ValueError, match="too deep"):
                wavelet_details(np.zeros((1, size, size, 1)), wavelet, deepest + 1)


def test_refuses_an_unknown_wavelet():
    with pytest.raises(ValueError, match="`wavelet` is one of haar, db2, db3; received 'mexican'"):
        WaveletSharpnessLoss("mexican")


@pytest.mark.parametrize("levels", [0, 1.5, True])
def test_refuses_a_wrong_number_of_levels(levels):
    with pytest.raises(ValueError, match="`levels` is an integer of at least 1; received"):
        WaveletSharpnessLoss(levels=levels)
