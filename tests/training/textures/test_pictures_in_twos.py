"""Two pictures of one scene, and of two."""

import numpy as np
import pytest
import scipy.ndimage
import skimage.data
from hypothesis import given, settings, strategies as st

from training.textures.pairs import is_one_shot, misfits, variance_between


def photograph(number):
    image = (skimage.data.astronaut, skimage.data.coffee, skimage.data.chelsea, skimage.data.rocket)[number]()
    return image[40:240, 60:260]


def noisy(image, sigma, seed):
    return np.clip(image + np.random.default_rng(seed).normal(0, sigma, image.shape), 0, 255).astype("uint8")


@given(seed=st.integers(0, 99), sigma=st.floats(0.01, 0.3))
@settings(max_examples=10)
def test_the_variance_is_that_of_both_noises(seed, sigma):
    scene = np.linspace(0, 1, 64)[:, None, None] * np.ones((64, 64, 2))
    one, other = (scene + sigma * np.random.default_rng([seed, n]).standard_normal(scene.shape) for n in range(2))
    assert variance_between(one, other) == pytest.approx(2 * sigma**2, rel=0.1)
    assert variance_between(one[:4, :4], one[:4, :4] + 0.2) < 1e-9  # smaller than a block


def test_values_are_shares_of_white():
    one = np.random.default_rng(0).integers(0, 256, (40, 40, 1)).astype("uint8")
    assert variance_between(one, one.astype("uint16") * 257) < 1e-9


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("sigma", [2, 5, 25, 60])
def test_one_shot_is_told_from_two(number, sigma):
    image = photograph(number)
    one, two = (noisy(image, sigma, seed) for seed in range(2))
    assert not is_one_shot(one, two)
    assert is_one_shot(one, one)
    assert is_one_shot(one, one.astype("uint16") * 257)
    assert is_one_shot(one, one.astype("float32") / 255 * 0.9 + 0.02)
    assert sigma < 25 or is_one_shot(one, noisy(one, 2, 9))


def test_strong_texture_under_weak_noise_is_no_noise():
    texture = 128 + 12 * np.random.default_rng(0).standard_normal((200, 200, 1))
    assert not is_one_shot(*(noisy(texture, 2, seed) for seed in range(2)))
    blurred = scipy.ndimage.gaussian_filter(np.random.default_rng(1).standard_normal((2, 200, 200, 1)), (0, 2, 2, 0))
    assert not is_one_shot(*(0.5 + 0.05 * blurred / blurred.std()))


def test_what_is_clipped_says_nothing():
    white = np.full((60, 60, 3), 255, "uint8")
    assert not is_one_shot(white, np.where(np.arange(60)[:, None, None] < 2, 254, white).astype("uint8"))


@pytest.mark.parametrize("sigma", [0, 25, 60])
def test_pictures_fit_their_own_partners_alone(sigma):
    images = [photograph(number) for number in range(4)]
    own = [(noisy(image, sigma, n), image) for n, image in enumerate(images)]
    assert misfits(own) == misfits(own[:1]) == []
    assert len(misfits([(own[n][0], images[(n + 1) % 4]) for n in range(4)])) >= 3  # one in four fits by chance
    assert misfits([own[0], (own[1][0], images[1][::-1])]) == [1]
    flat = np.full((40, 40, 1), 99, "uint8")
    assert misfits([(flat, flat)]) == []


def test_pictures_that_hardly_differ_fit_each_other_too():
    """Planes of a stack at rest, whose clean partners have a little noise of their own left."""
    image = photograph(0)
    pairs = [(noisy(image, 30, n), noisy(image, 3, 50 + n)) for n in range(8)]
    assert misfits(pairs) == []
