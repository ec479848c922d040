import numpy as np
import pytest
import scipy.ndimage
import tensorflow as tf
from hypothesis import given, settings, strategies as st

from tf_denoise.noise import AdditiveGaussian, CameraNoise, make_noise, noise_in_words, trained_range
from tf_denoise.noise.camera import spread_noise
from tf_denoise.noise.ladder import noise_ladder

FLAT = tf.constant(np.linspace(0.2, 0.8, 3, dtype="f4")[None, None, None]) * tf.ones((400, 32, 32, 3))


def deviations(noise, images=FLAT, seed=(3, 4)):
    """What a layer adds, `(batch, height, width, channels)`."""
    return (noise.corrupt(images, seed) - images).numpy()


def test_a_share_of_the_images_gets_white_gaussian_noise_alone():
    added = deviations(CameraNoise(0.03, white=1.0, faint=0))
    np.testing.assert_allclose(added.std(axis=(1, 2)), 0.03, rtol=0.2)
    along = (added[:, 1:] * added[:, :-1]).mean() / added.var()
    assert abs(along) < 0.01
    expected = deviations(AdditiveGaussian(0.03))
    is_equal = np.abs(added - expected).max(axis=(1, 2, 3)) < 1e-6  # the very noise of that layer
    assert is_equal.mean() == pytest.approx(0.75, abs=0.08)
    np.testing.assert_allclose(added[~is_equal], expected[~is_equal], atol=0.51 / 255)  # nothing is near 0 or 1


def test_the_variance_grows_with_the_light_in_the_others():
    added = deviations(CameraNoise(0.02, gain=(0.01, 0.01), spread=(0.3, 0.3), white=0.0, faint=0))
    for channel, light in enumerate((0.2, 0.5, 0.8)):
        assert added[..., channel].var() == pytest.approx(0.01 * light + 0.02**2, rel=0.05)


def test_gains_are_drawn_by_order_of_magnitude():
    added = deviations(CameraNoise(0.0, gain=(1e-4, 1e-2), spread=(0.3, 0.3), white=0.0, faint=0))
    gains = np.log10(added[..., 1].var(axis=(1, 2)) / 0.5)
    shares, _ = np.histogram(gains, [-4.3, -3.5, -3, -2.5, -1.9])
    np.testing.assert_allclose(shares / len(gains), 0.25, atol=0.08)


@pytest.mark.parametrize(("white", "share"), [(0.0, 0.5), (1.0, 0.25)])
def test_some_are_clipped_and_rounded_to_8_bits(white, share):
    noisy = CameraNoise((0.01, 0.3), white=white, faint=0).corrupt(FLAT, (3, 4)).numpy()
    is_stored = np.abs(255 * noisy - np.round(255 * noisy)).max(axis=(1, 2, 3)) < 1e-3
    assert is_stored.mean() == pytest.approx(share, abs=0.08)
    assert noisy[is_stored].min() >= 0
    assert noisy[is_stored].max() <= 1


@given(spread=st.floats(0.3, 0.9), seed=st.integers(0, 9))
@settings(max_examples=10)
def test_spread_noise_is_a_normalised_gaussian_filter(spread, seed):
    noise = np.random.default_rng(seed).normal(0, 1, (2, 17, 22, 3))
    weights = np.exp(-0.5 * (np.arange(-2, 3) / spread) ** 2)
    weights /= np.sqrt((weights**2).sum())
    expected = noise
    for axis in (1, 2):
        expected = scipy.ndimage.correlate1d(expected, weights, axis, mode="wrap")
    found = spread_noise(tf.constant(noise), tf.fill([2], tf.constant(spread, tf.float64)))
    np.testing.assert_allclose(found, expected, atol=1e-12)
    np.testing.assert_allclose(spread_noise(tf.constant(noise), tf.zeros(2, tf.float64)), noise, atol=1e-12)


def test_neighbours_share_the_noise_of_half_of_the_others():
    added = deviations(CameraNoise(0.1, gain=(1e-4, 1e-4), spread=(0.9, 0.9), white=0.0, faint=0))
    along = (added[:, 1:] * added[:, :-1]).mean(axis=(1, 2, 3)) / added.var(axis=(1, 2, 3))
    assert 0.4 < (along > 0.4).mean() < 0.6
    assert ((along > 0.4) | (np.abs(along) < 0.1)).all()
    np.testing.assert_allclose(added.std(axis=(1, 2, 3)), 0.1, rtol=0.2)


def test_grey_pictures_stored_in_colour_mostly_have_one_noise_in_all_channels():
    added = deviations(CameraNoise(0.1, faint=0), tf.fill((400, 16, 16, 3), 0.5))
    is_alike = np.ptp(added, axis=-1).max(axis=(1, 2)) < 1e-6
    assert 0.6 < is_alike.mean() < 0.73
    assert (np.ptp(deviations(CameraNoise(0.1, faint=0)), axis=-1).max(axis=(1, 2)) > 0.01).all()


def test_a_share_has_a_tenth_of_its_noise_or_less():
    added = deviations(CameraNoise(0.1, gain=(1e-4, 1e-4), spread=(0.3, 0.3), faint=0.4))
    deviation = added.std(axis=(1, 2, 3))
    is_faint = deviation < 0.0105
    assert is_faint.mean() == pytest.approx(0.4, abs=0.08)
    shares, _ = np.histogram(deviation[is_faint], np.linspace(0.0, 0.0105, 4))
    np.testing.assert_allclose(shares / is_faint.sum(), 1 / 3, atol=0.1)
    np.testing.assert_allclose(deviation[~is_faint], 0.1, rtol=0.2)


def test_the_same_seed_gives_the_same_noise_in_a_graph_too():
    noise = CameraNoise()
    expected = noise.corrupt(FLAT[:8], (3, 4))
    np.testing.assert_allclose(tf.function(noise.corrupt)(FLAT[:8], tf.constant([3, 4])), expected, atol=1e-5)
    assert np.abs(noise.corrupt(FLAT[:8], (3, 5)) - expected).max() > 0.01
    assert noise.corrupt(tf.cast(FLAT[:2], tf.float16), (3, 4)).dtype == tf.float16


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sigma": -1}, "`sigma` is a number, 0 or more"),
        ({"gain": (0, 0.1)}, "`gain` is drawn by order of magnitude: a pair of numbers above 0"),
        ({"gain": 0.1}, r"`gain` is a pair \(low, high\)"),
        ({"spread": (0.9, 0.3)}, r"`spread` is a pair \(low, high\)"),
        ({"spread": (0.1, float("inf"))}, r"`spread` is a pair \(low, high\)"),
        ({"white": 1.1}, "`white` is a share from 0 to 1; received 1.1"),
        ({"faint": -0.1}, "`faint` is a share from 0 to 1; received -0.1"),
    ],
)
def test_bad_arguments_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        CameraNoise(**options)


def test_it_is_judged_on_white_noise_of_each_level():
    noise = make_noise("camera", sigma_255=(0, 60))
    assert isinstance(noise, CameraNoise)
    ladder = noise_ladder(noise)
    assert list(ladder) == [15.0, 25.0, 50.0]
    assert all(type(layer) is AdditiveGaussian for layer in ladder.values())
    assert trained_range("camera", sigma_255=(0, 60)) == (0, 60)
    words = "white Gaussian, and that of cameras besides, deviation 0 to 60 (255ths)"
    assert noise_in_words("camera", sigma_255=(0, 60)) == words
