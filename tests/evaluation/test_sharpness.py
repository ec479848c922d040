import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from loss_cases import random_pair
from scipy import ndimage
from sharpness_references import numpy_checkerboard, numpy_gmsd, numpy_radial_error, numpy_ratio
from skimage import data

from evaluation.sharpness import (
    checkerboard,
    discoloration,
    gradient_magnitude_similarity_deviation,
    high_frequency_energy_ratio,
    radial_spectrum_error,
)

SHAPES = pytest.mark.parametrize("shape", [(2, 16, 16, 3), (1, 17, 22, 1), (2, 23, 19, 2)], ids=str)


@SHAPES
@pytest.mark.parametrize(
    ("measure", "rendition"),
    [
        (gradient_magnitude_similarity_deviation, numpy_gmsd),
        (high_frequency_energy_ratio, lambda a, b: numpy_ratio(a, b, 0.25)),
        (lambda a, b: high_frequency_energy_ratio(a, b, cutoff=0.4), lambda a, b: numpy_ratio(a, b, 0.4)),
        (radial_spectrum_error, numpy_radial_error),
        (lambda a, b: checkerboard(a, b, period=4), lambda a, b: numpy_checkerboard(a, b, 4)),
        (lambda a, b: checkerboard(a, b, period=5), lambda a, b: numpy_checkerboard(a, b, 5)),
        (discoloration, lambda a, b: np.abs(b.mean((0, 1)) - a.mean((0, 1))).mean()),
    ],
    ids=["gmsd", "energy ratio", "energy ratio 0.4", "radial", "checkerboard 4", "checkerboard 5", "discoloration"],
)
def test_measure_is_that_of_numpy(measure, rendition, shape):
    y_true, y_pred = random_pair(shape)
    y_pred = 0.7 * y_true + 0.3 * y_pred
    expected = [rendition(a, b) for a, b in zip(y_true.astype(float), y_pred.astype(float), strict=True)]
    actual = measure(y_true, y_pred)
    assert actual.shape == shape[:1]
    np.testing.assert_allclose(actual, expected, rtol=2e-4, atol=1e-6)


PERFECT = {
    gradient_magnitude_similarity_deviation: 0,
    high_frequency_energy_ratio: 1,
    radial_spectrum_error: 0,
    checkerboard: 1,
    discoloration: 0,
}
EVERY_MEASURE = pytest.mark.parametrize(("measure", "perfect"), PERFECT.items(), ids=[m.__name__ for m in PERFECT])


@EVERY_MEASURE
def test_identical_images_are_perfect(measure, perfect):
    for images in (random_pair((2, 64, 64, 3))[0], np.zeros((1, 64, 64, 1)), np.full((1, 64, 64, 2), 0.3)):
        np.testing.assert_allclose(measure(images, images), perfect, atol=1e-5)


@EVERY_MEASURE
def test_values_do_not_depend_on_the_range(measure, perfect):
    y_true, y_pred = random_pair((2, 64, 64, 3))
    wide = measure(255 * y_true, 255 * y_pred, max_val=255)
    np.testing.assert_allclose(wide, measure(y_true, y_pred), rtol=1e-3)


def photographs():
    """Brick, grass and gravel, a quarter of their size."""
    return np.stack([data.brick(), data.grass(), data.gravel()])[:, :128, :128, None] / np.float32(255)


@pytest.mark.parametrize("measure", [gradient_magnitude_similarity_deviation, radial_spectrum_error])
def test_more_blur_is_farther_from_the_photograph(measure):
    images = photographs()
    distances = [measure(images, ndimage.gaussian_filter(images, (0, s, s, 0))).numpy() for s in (0.5, 1, 2)]
    assert np.all(np.diff(distances, axis=0) > 0)


def test_energy_ratio_tells_blur_from_noise():
    images = photographs()
    blurred = high_frequency_energy_ratio(images, ndimage.gaussian_filter(images, (0, 1, 1, 0)))
    noisy = high_frequency_energy_ratio(images, images + 0.1 * np.random.default_rng(0).normal(size=images.shape))
    assert np.all(blurred < 0.3)
    assert np.all(noisy > 1.1)


def test_checkerboard_finds_a_grid_and_nothing_in_blur_or_noise():
    images = photographs()
    noise = 0.05 * np.random.default_rng(0).normal(size=images.shape)
    grid = 0.06 * ((np.arange(128) // 16 % 2)[:, None] ^ (np.arange(128) // 16 % 2))[..., None]
    assert np.all(np.abs(checkerboard(images, images + noise, period=32) - 1) < 0.2)
    assert np.all(checkerboard(images, ndimage.gaussian_filter(images, (0, 1, 1, 0)), period=32) < 1.5)
    assert np.all(checkerboard(images, images + noise + grid, period=32) > 4)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.floats(-0.5, 0.5))
def test_discoloration_is_the_shift_and_sees_no_texture(seed, shift):
    image, noise = random_pair((1, 16, 16, 2), seed)
    noise -= noise.mean((1, 2), keepdims=True)
    assert float(discoloration(image, image + noise + shift)[0]) == pytest.approx(abs(shift), abs=1e-5)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 10))
def test_energy_ratio_is_the_square_of_contrast(seed, contrast):
    image, _ = random_pair((1, 16, 16, 1), seed)
    ratio = float(high_frequency_energy_ratio(image, contrast * image)[0])
    assert ratio == pytest.approx(contrast**2, rel=1e-3)
    assert float(radial_spectrum_error(image, contrast * image)[0]) == pytest.approx(
        abs(20 * np.log10(contrast)), abs=1e-2
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: high_frequency_energy_ratio(x, x, cutoff=0.0), r"`cutoff` is a frequency in \(0, 0.5\]"),
        (lambda x: high_frequency_energy_ratio(x, x, cutoff=0.6), r"`cutoff` is a frequency in \(0, 0.5\]"),
        (lambda x: checkerboard(x, x, period=1), "`period` is an integer of at least 2"),
        (lambda x: checkerboard(x, x, period=9), "at least 18 x 18; received"),
        (lambda x: discoloration(x, x, max_val=0), "`max_val` is the positive range"),
        (lambda x: discoloration(x, x[:, :8]), "must have one shape"),
        (lambda x: radial_spectrum_error(x[0], x[0]), "is a batch of images"),
        (lambda x: gradient_magnitude_similarity_deviation(x[:, :1], x[:, :1]), "at least 2 x 2"),
    ],
)
def test_refuses_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.zeros((1, 16, 16, 1), "float32"))
