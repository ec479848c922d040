"""Two pictures of one scene, and of two."""

import numpy as np
import pytest
import skimage.data
from hypothesis import given, settings, strategies as st

from tf_denoise.noise.pairs import show_the_same, variance_between


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
    assert sigma**2 * 0.9 < variance_between(one, other, any_contrast=True) < 2.1 * sigma**2


@pytest.mark.parametrize("change", [lambda x: x, lambda x: 0.7 * x + 0.1, lambda x: 1.3 * x])
def test_one_shot_stored_twice_has_none(change):
    one = np.random.default_rng(0).random((50, 70, 3))
    assert variance_between(one, change(one), any_contrast=True) < 1e-9
    assert variance_between(one[:4, :4], change(one[:4, :4]), any_contrast=True) < 1e-9  # smaller than a block


def test_values_are_shares_of_white():
    one = np.random.default_rng(0).integers(0, 256, (40, 40, 1)).astype("uint8")
    assert variance_between(one, one.astype("uint16") * 257) < 1e-9


@pytest.mark.parametrize("sigma", [0, 25, 60])
def test_pictures_fit_their_own_partners_alone(sigma):
    images = [photograph(number) for number in range(4)]
    own = [(noisy(image, sigma, n), image) for n, image in enumerate(images)]
    assert show_the_same(own)
    assert show_the_same(own[:1])
    assert not show_the_same([(own[n][0], images[(n + 1) % 4]) for n in range(4)])
    assert not show_the_same([(own[n][0], images[n][::-1]) for n in range(4)])
    flat = np.full((40, 40, 1), 99, "uint8")
    assert show_the_same([(flat, flat)])
