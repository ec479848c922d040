"""The same seed gives the noise that it always gave: values written down from the first version of each."""

import numpy as np
import pytest
import tensorflow as tf

from tf_denoise import noise

GREY = np.full((3, 4, 5, 1), 0.5, "float32")
SEED = tf.constant([7, 8], tf.int64)
RECORDED = {
    "salt and pepper": (
        lambda: noise.salt_and_pepper(GREY, [0.1, 0.6, 1.0], (1, 2), 0.0, 1.0),
        [[0.5, 0.5, 0.5], [0.0, 0.5, 1.0], [0.0, 1.0, 1.0]],
    ),
    "Gaussian": (
        lambda: noise.additive_gaussian(GREY, [0.1, 0.2, 0.3], (1, 2)),
        [[0.481862, 0.654914, 0.669472], [0.236375, 0.312814, 0.262008], [0.336486, 0.370447, 0.759192]],
    ),
    "Poisson": (
        lambda: noise.poisson_gaussian(GREY, 0.02, 0.1, (1, 2)),
        [[0.866432, 0.551386, 0.505136], [0.55006, 0.48821, 0.473307], [0.374513, 0.332164, 0.486423]],
    ),
    "layer of mixed levels": (
        lambda: noise.SaltAndPepper(noise.MixedLevel()).corrupt(GREY, SEED),
        [[0.5, 0.5, 0.5], [-1.0, -1.0, 1.0], [0.5, 0.5, 0.5]],
    ),
    "layer of many levels": (
        lambda: noise.SaltAndPepper(noise.MultiLevel([0.5, 1.0]), 0.0).corrupt(GREY, SEED),
        [[0.5, 0.5, 1.0], [0.0, 0.0, 1.0], [1.0, 0.5, 0.5]],
    ),
    "layer of drawn deviations": (
        lambda: noise.AdditiveGaussian((0.1, 0.4)).corrupt(GREY, SEED),
        [[0.418131, 0.063063, 0.24773], [0.518152, 0.418492, 0.649062], [1.046745, 0.743035, 0.228509]],
    ),
    "layer of drawn gains": (
        lambda: noise.PoissonGaussian((0.01, 0.05), (0.0, 0.1)).corrupt(GREY, SEED),
        [[0.439495, 0.559637, 0.43817], [0.550759, 0.511901, 0.651902], [0.846031, 0.256488, 0.379665]],
    ),
    "layer with a seed of its own": (
        lambda: noise.AdditiveGaussian((0.1, 0.4), seed=5)(GREY, training=True),
        [[0.862385, 0.620081, 0.125291], [0.310452, 0.777567, 0.20196], [0.589912, 0.34929, 0.350838]],
    ),
}


@pytest.mark.parametrize(("noisy", "expected"), RECORDED.values(), ids=RECORDED.keys())
def test_a_seed_gives_the_noise_it_always_gave(noisy, expected):
    np.testing.assert_allclose(noisy()[:, 1, :3, 0], expected, atol=2e-6)
