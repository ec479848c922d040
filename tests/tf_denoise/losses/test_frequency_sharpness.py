import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings, strategies as st
from loss_cases import random_pair
from scipy import ndimage

from tf_denoise.losses import FrequencySharpnessLoss, frequency_sharpness, high_frequency_mask
from tf_denoise.losses.frequency_sharpness import half_spectrum

# The table that the post prints for 10 x 10 pixels and a weight of 2.
MASK = """
3.00000 2.81108 2.64924 2.52315 2.44222 2.41421 2.44222 2.52315 2.64924 2.81108
2.81108 2.60000 2.41421 2.26491 2.16619 2.13137 2.16619 2.26491 2.41421 2.60000
2.64924 2.41421 2.20000 2.01980 1.89443 1.84853 1.89443 2.01980 2.20000 2.41421
2.52315 2.26491 2.01980 1.80000 1.63246 1.56569 1.63246 1.80000 2.01980 2.26491
2.44222 2.16619 1.89443 1.63246 1.40000 1.28284 1.40000 1.63246 1.89443 2.16619
2.41421 2.13137 1.84853 1.56569 1.28284 1.00000 1.28284 1.56569 1.84853 2.13137
2.44222 2.16619 1.89443 1.63246 1.40000 1.28284 1.40000 1.63246 1.89443 2.16619
2.52315 2.26491 2.01980 1.80000 1.63246 1.56569 1.63246 1.80000 2.01980 2.26491
2.64924 2.41421 2.20000 2.01980 1.89443 1.84853 1.89443 2.01980 2.20000 2.41421
2.81108 2.60000 2.41421 2.26491 2.16619 2.13137 2.16619 2.26491 2.41421 2.60000
"""


def test_mask_is_the_table_of_the_post():
    expected = np.array([line.split() for line in MASK.strip().splitlines()], float)
    assert expected.shape == (10, 10)
    np.testing.assert_allclose(high_frequency_mask(10, 10, 2.0), expected, rtol=0, atol=5.1e-6)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 5), (6, 4), (7, 10)])
def test_mask_is_one_at_the_zero_frequency_and_largest_in_the_corner(height, width):
    mask = high_frequency_mask(height, width, 3.0).numpy()
    assert mask.shape == (height, width)
    assert mask[height // 2, width // 2] == 1
    assert mask[0, 0] == mask.max() == (4 if height * width > 1 else 1)


def ring():
    """A white ring on black: 256 x 256, radius 60, thickness 8."""
    rows, columns = np.indices((256, 256)) - 128
    return (np.abs(np.hypot(rows, columns) - 60) <= 4).astype("float32")


def blurred(image):
    """15 x 15, sigma 3, mirrored about the edge pixels."""
    taps = np.exp(-0.5 * (np.arange(-7, 8) / 3.0) ** 2)
    for axis in (0, 1):
        image = ndimage.convolve1d(image, taps / taps.sum(), axis, mode="mirror")
    return image


def test_ring_and_its_blur_differ_by_the_number_of_the_post():
    sharp = ring()
    values = frequency_sharpness(sharp[None, ..., None], blurred(sharp)[None, ..., None], 0.0, scale=1.0)
    assert float(values[0]) == pytest.approx(14.8913, abs=5e-5)


def full_spectrum_loss(y_true, y_pred, weight, scale=1e-3):
    """The definition, with all columns of `tf.signal.fft2d` and the mask on the shifted spectrum."""

    def magnitudes(images):
        planes = tf.transpose(images, [0, 3, 1, 2])
        spectrum = tf.signal.fft2d(tf.complex(planes, tf.zeros_like(planes)))
        return tf.abs(tf.signal.fftshift(spectrum, axes=[2, 3]))

    height, width = y_true.shape[1:3]
    rows, columns = np.indices((height, width))
    distance = np.hypot(rows - height // 2, columns - width // 2) / np.hypot(height // 2, width // 2)
    difference = tf.abs(magnitudes(y_true) - magnitudes(y_pred))
    return scale * tf.reduce_mean((1 + weight * distance) * difference, axis=[1, 2, 3])


@pytest.mark.parametrize("shape", [(2, 10, 10, 3), (2, 9, 12, 1), (1, 12, 9, 2), (1, 7, 7, 3), (1, 2, 5, 1)], ids=str)
@pytest.mark.parametrize("weight", [0.0, 2.0])
def test_half_the_spectrum_gives_value_and_gradient_of_the_whole(shape, weight):
    y_true, y_pred = (tf.constant(x) for x in random_pair(shape, dtype="float64"))

    def value_and_gradient(loss):
        with tf.GradientTape() as tape:
            tape.watch(y_pred)
            value = loss(y_true, y_pred, weight)
        return value, tape.gradient(value, y_pred)

    pairs = zip(value_and_gradient(frequency_sharpness), value_and_gradient(full_spectrum_loss), strict=True)
    for actual, expected in pairs:
        np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("shape", [(2, 8, 10), (1, 9, 7), (1, 6, 5), (1, 5, 1), (1, 1, 4)], ids=str)
def test_half_spectrum_has_the_gradient_of_tensorflow(shape):
    planes = tf.constant(random_pair(shape, dtype="float64")[0])
    real, imaginary = random_pair((*shape[:2], shape[2] // 2 + 1), seed=1, dtype="float64")

    def gradient(transform):
        with tf.GradientTape() as tape:
            tape.watch(planes)
            spectrum = transform(planes)
            total = tf.reduce_sum(real * tf.math.real(spectrum) ** 2 + imaginary * tf.math.imag(spectrum))
        return tape.gradient(total, planes)

    np.testing.assert_allclose(gradient(half_spectrum), gradient(tf.signal.rfft2d), rtol=1e-9, atol=1e-9)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(-5, 5), st.integers(-5, 5))
def test_magnitudes_do_not_see_a_shift(seed, down, right):
    image, _ = random_pair((1, 11, 12, 2), seed)
    values = frequency_sharpness(image, np.roll(image, (down, right), axis=(1, 2)))
    np.testing.assert_allclose(values, 0, atol=1e-6)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.floats(0, 10), st.floats(0, 10))
def test_loss_is_linear_in_weight_and_scale(seed, weight, scale):
    y_true, y_pred = random_pair((1, 8, 9, 1), seed)
    plain, doubled = (float(frequency_sharpness(y_true, y_pred, w)[0]) for w in (0.0, 1.0))
    actual = float(frequency_sharpness(y_true, y_pred, weight, scale)[0])
    assert actual == pytest.approx((plain + weight * (doubled - plain)) * scale * 1e3, rel=1e-4, abs=1e-9)


def test_weight_zero_is_the_plain_loss():
    y_true, y_pred = random_pair()
    expected = np.abs(np.abs(np.fft.fft2(y_true, axes=(1, 2))) - np.abs(np.fft.fft2(y_pred, axes=(1, 2)))).mean(
        (1, 2, 3)
    )
    loss = FrequencySharpnessLoss(high_freq_weight=0, reduction="none")
    np.testing.assert_allclose(loss(y_true, y_pred), expected / 1000, rtol=1e-5)


def test_mask_refuses_a_negative_weight():
    with pytest.raises(ValueError, match="`high_freq_weight` is a finite number of at least 0; received -2"):
        high_frequency_mask(4, 4, -2.0)
