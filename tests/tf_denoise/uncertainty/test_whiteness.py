import numpy as np
import pytest
import scipy.ndimage
import skimage.data
from hypothesis import given, settings, strategies as st

from tf_denoise.models import UNet
from tf_denoise.tiling import TiledDenoiser
from tf_denoise.uncertainty import residual_whiteness


def white(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


@given(
    height=st.integers(9, 24), width=st.integers(9, 24), channels=st.sampled_from([0, 1, 3]), seed=st.integers(0, 99)
)
@settings(max_examples=15)
def test_the_autocorrelation_is_the_sum_over_pairs(height, width, channels, seed):
    shape = (height, width, channels) if channels else (height, width)
    noisy, denoised = white(shape, seed), white(shape, seed + 100)
    found = residual_whiteness(noisy, denoised, lags=3).autocorrelation
    removed = (noisy - denoised).reshape(height, width, -1)
    removed = removed - removed.mean(axis=(0, 1))
    for rows, columns in ((0, 0), (0, 1), (1, 0), (2, -3), (-1, 2)):
        by_channel = []
        for values in np.moveaxis(removed, -1, 0):
            products = [
                values[i, j] * values[i + rows, j + columns]
                for i in range(height)
                for j in range(width)
                if 0 <= i + rows < height and 0 <= j + columns < width
            ]
            by_channel.append(np.mean(products) / np.mean(values**2))
        assert found[3 + rows, 3 + columns] == pytest.approx(np.mean(by_channel), abs=1e-9)
    np.testing.assert_allclose(found, found[::-1, ::-1], atol=1e-9)


def test_white_noise_exceeds_the_bound_in_one_picture_of_a_hundred():
    still = np.zeros((64, 80))
    found = [residual_whiteness(white(still.shape, seed), still) for seed in range(400)]
    assert np.mean([not one.is_white for one in found]) < 0.03
    assert max(abs(one.largest[0]) for one in found) < 2 * found[0].bound
    assert found[0].deviation == pytest.approx(1, rel=0.05)


def test_noise_that_neighbours_share_shows_at_their_distance():
    noise = scipy.ndimage.uniform_filter1d(white((128, 128, 3)), 2, axis=1)
    found = residual_whiteness(0.5 + 0.1 * noise, np.full(noise.shape, 0.5))
    assert found.shows_structure
    assert found.largest[0] == pytest.approx(0.5, abs=0.03)
    assert found.largest[1] in ((0, 1), (0, -1))


def test_structure_that_was_taken_for_noise_shows():
    picture = skimage.data.astronaut()[:200, :200].astype("float32") / 255
    blurred = scipy.ndimage.gaussian_filter(picture, (2, 2, 0))
    assert residual_whiteness(picture, blurred).shows_structure


def test_what_the_preset_takes_of_white_noise_shows_none_and_of_shared_noise_it_does():
    clean = skimage.data.astronaut()[:160, 100:260].astype("float32") / 255
    denoiser = TiledDenoiser(UNet.from_preset("photographs"))
    shared = scipy.ndimage.gaussian_filter(white(clean.shape), (0.6, 0.6, 0))
    for noise, shows in ((white(clean.shape), False), (shared / shared.std(), True)):
        noisy = (clean + 0.08 * noise).astype("float32")
        assert residual_whiteness(noisy, denoiser(noisy)).shows_structure is shows


def test_integers_and_nothing_removed():
    noisy = np.random.default_rng(0).integers(0, 255, (30, 30, 3)).astype("uint8")
    assert residual_whiteness(noisy, noisy).is_white
    assert residual_whiteness(noisy, noisy).deviation == 0
    expected = residual_whiteness(noisy / 255, np.zeros(noisy.shape))
    found = residual_whiteness(noisy, np.zeros_like(noisy))
    np.testing.assert_allclose(found.autocorrelation, expected.autocorrelation)
    assert found.deviation == pytest.approx(expected.deviation)


@pytest.mark.parametrize("shapes", [((20, 20), (20, 21)), ((8, 30), (8, 30)), ((20,), (20,))])
def test_pictures_that_do_not_fit_are_refused(shapes):
    with pytest.raises(ValueError, match=r"Noisy and denoised picture have one shape .* larger than 8 pixels"):
        residual_whiteness(*(np.zeros(shape) for shape in shapes))
