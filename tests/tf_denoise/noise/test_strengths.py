"""Levels, deviations and gains share one mechanism: a number, a pair, or a schedule, checked alike."""

import numpy as np
import pytest
import tensorflow as tf

from tf_denoise.errors import InputError
from tf_denoise.noise import (
    AdditiveGaussian,
    MixedLevel,
    MultiLevel,
    PoissonGaussian,
    SaltAndPepper,
    additive_gaussian,
    make_noise,
    noise_in_words,
    poisson_gaussian,
    salt_and_pepper,
    trained_range,
)

GREY = np.full((4, 50, 50, 1), 0.5, "float32")
FUNCTIONS = {
    "level": lambda value, images=GREY: salt_and_pepper(images, value, (1, 2)),
    "sigma": lambda value, images=GREY: additive_gaussian(images, value, (1, 2)),
    "gain": lambda value, images=GREY: poisson_gaussian(images, value, 0.0, (1, 2)),
    "sigma beside a gain": lambda value, images=GREY: poisson_gaussian(images, 0.1, value, (1, 2)),
}
EVERY_FUNCTION = pytest.mark.parametrize("corrupt", FUNCTIONS.values(), ids=FUNCTIONS.keys())


@EVERY_FUNCTION
@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), [0.1, -0.1, 0.1, 0.1]])
def test_a_strength_out_of_range_is_refused(corrupt, value):
    with pytest.raises(ValueError, match=r"(fraction in \[0, 1\]|finite number, 0 or more); received"):
        corrupt(value)


@EVERY_FUNCTION
@pytest.mark.parametrize(("value", "shape"), [([0.1] * 3, r"\(3,\)"), ([[0.1]] * 4, r"\(4, 1\)")])
def test_another_number_of_strengths_than_images_is_refused(corrupt, value, shape):
    with pytest.raises(ValueError, match=rf"one value per image: expected shape \(\) or \(4,\), .* {shape}"):
        corrupt(value)


@EVERY_FUNCTION
def test_one_strength_for_all_is_that_strength_for_each(corrupt):
    np.testing.assert_array_equal(corrupt(0.5), corrupt(np.full(4, 0.5)))
    np.testing.assert_array_equal(corrupt(np.float32(0.5)), corrupt(tf.constant(0.5)))


@EVERY_FUNCTION
def test_whole_numbers_are_not_images(corrupt):
    with pytest.raises(ValueError, match=r"takes floating-point images.*received dtype uint8"):
        corrupt(0.5, np.zeros((4, 2), "uint8"))


def test_gaussian_noise_takes_a_schedule():
    noisy = AdditiveGaussian(MultiLevel([0.0, 0.2])).corrupt(GREY, (1, 2)).numpy()
    assert [round(float(image.std()), 1) for image in noisy] == [0.0, 0.2, 0.0, 0.2]
    drawn = AdditiveGaussian(MixedLevel([0.0, 0.2])).corrupt(np.repeat(GREY, 8, 0), (1, 2)).numpy()
    assert {round(float(image.std()), 1) for image in drawn} == {0.0, 0.2}
    camera = PoissonGaussian(MultiLevel([0.0, 0.1]), 0.0)
    assert camera.groups == 2
    assert [image.std() > 0 for image in camera.corrupt(GREY, (1, 2)).numpy()] == [False, True, False, True]


@pytest.mark.parametrize("wrong", ["much", (0.2, 0.1), (0.1, 0.2, 0.3), -1, None, float("nan"), [[0.1]]])
def test_a_strength_that_is_neither_number_nor_pair_is_refused(wrong):
    for make in (AdditiveGaussian, PoissonGaussian):
        with pytest.raises(ValueError, match="received"):
            make(wrong)
    with pytest.raises(ValueError, match=r"fraction in \[0, 1\]; received"):
        SaltAndPepper(wrong)


def test_noise_is_made_told_and_its_range_known_of_the_same_options():
    options = {"sigma_255": (5, 55), "level": 30, "photons": 100}
    assert make_noise("gaussian", **options).sigma == (5 / 255, 55 / 255)
    assert make_noise("gaussian", sigma_255=(25,)).sigma == 25 / 255
    camera = make_noise("poisson_gaussian", **options)
    assert (camera.gain, camera.sigma) == (1 / 100, (5 / 255, 55 / 255))
    grains = make_noise("salt_and_pepper", **options)
    assert (grains.schedule.level, grains.low, grains.high) == (0.3, 0.0, 1.0)
    assert noise_in_words("gaussian", sigma_255=(25.0,)) == "Gaussian, deviation 25 (255ths)"
    assert noise_in_words("poisson_gaussian", **options) == (
        "Poisson of 100 photons, and Gaussian, deviation 5 to 55 (255ths)"
    )
    assert noise_in_words("salt_and_pepper", **options) == "salt and pepper, 30 % of the pixels chosen"
    assert trained_range("gaussian", **options) == (5, 55)
    assert trained_range("salt_and_pepper", **options) is None
    low, high = trained_range("poisson_gaussian", **options)
    white = make_noise("poisson_gaussian", sigma_255=55).corrupt(np.ones((1, 400, 400, 1), "float32"), (1, 2))
    assert (low, high) == (5, pytest.approx(255 * np.std(white), rel=0.02))


@pytest.mark.parametrize("use", [make_noise, noise_in_words, trained_range])
def test_an_unknown_kind_of_noise_is_refused(use):
    with pytest.raises(
        InputError, match=r"one of gaussian, poisson_gaussian, camera, salt_and_pepper; received 'pink'"
    ):
        use("pink")
