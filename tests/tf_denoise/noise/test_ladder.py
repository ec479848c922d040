import numpy as np
import pytest
import tensorflow as tf

from tf_denoise.noise import AdditiveGaussian, PoissonGaussian, SaltAndPepper
from tf_denoise.noise.ladder import at_level, noise_ladder, noise_levels


@pytest.mark.parametrize(
    ("sigma", "levels"),
    [
        ((5, 55), (15, 25, 50)),
        ((15, 50), (15, 25, 50)),
        ((0, 255), (15, 25, 50)),
        ((50,), (50,)),
        (25, (25,)),
        ((20, 20), (20,)),
        ((0, 20), (5, 10, 15)),
        ((16, 50), (24.5, 33, 41.5)),
        ((15, 49), (23.5, 32, 40.5)),
        ((60, 80), (65, 70, 75)),
    ],
)
def test_the_levels_are_those_of_the_field_or_quarter_the_range(sigma, levels):
    assert noise_levels(sigma) == levels


@pytest.mark.parametrize("sigma", [(), (1, 2, 3), (50, 5), (-1, 5), (0, float("inf")), float("nan")])
def test_what_is_no_range_is_refused(sigma):
    with pytest.raises(ValueError, match="`sigma_255` is one deviation, or the least and the most"):
        noise_levels(sigma)


def test_a_level_has_its_deviation():
    grey = tf.fill((1, 200, 200, 1), 0.5)
    for level, noise in noise_ladder(AdditiveGaussian((5 / 255, 55 / 255))).items():
        noisy = noise.corrupt(grey, tf.constant([3, 0], tf.int64))
        assert 255 * np.std(noisy) == pytest.approx(level, rel=0.02)


def test_a_level_of_a_camera_keeps_its_photons():
    noise = PoissonGaussian(0.02, (10 / 255, 60 / 255), seed=4)
    ladder = noise_ladder(noise)
    assert list(ladder) == [15, 25, 50]
    assert {layer.gain for layer in ladder.values()} == {0.02}
    assert [round(255 * layer.sigma, 4) for layer in ladder.values()] == [15, 25, 50]
    assert at_level(noise, 51).sigma == pytest.approx(0.2)


def test_noise_without_a_deviation_and_pairs_have_one_level_without_a_name():
    noise = SaltAndPepper(0.3)
    assert noise_ladder(noise) == {None: noise}
    assert noise_ladder(None) == {None: None}
