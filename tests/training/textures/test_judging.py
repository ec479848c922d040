"""How a network that learns without clean pictures is judged while it is trained."""

import dataclasses

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, strategies as st

from tf_denoise.noise.found import find_noise
from tf_denoise.uncertainty.sure import judged_psnr
from training.textures.judging import Judge
from training.textures.noisy_only import Lesson

SIGMA = 0.1


def scene(seed, side=192):
    """Soft shapes from dark to light, `(side, side, 3)`."""
    drawn = np.random.default_rng(seed).random((side, side, 3))
    soft = scipy.ndimage.gaussian_filter(drawn, (12, 12, 0))
    return (0.35 + 6 * (soft - soft.mean())).clip(0.05, 0.95).astype("float32")


def blurred(strength):
    return lambda image: scipy.ndimage.gaussian_filter(image, (strength, strength, 0))


@pytest.fixture(scope="module")
def noisy():
    clean = [scene(seed) for seed in range(4)]
    random = np.random.default_rng(0)
    return clean, [(image + SIGMA * random.standard_normal(image.shape).astype("float32"),) for image in clean]


@given(st.floats(-0.02, 0.02), st.floats(1e-6, 0.01), st.floats(1e-4, 0.05))
def test_the_lower_of_two_estimates_is_always_the_better_judgement(mse, less, variance):
    assert judged_psnr(mse - less, variance) > judged_psnr(mse, variance)


def test_above_a_fiftieth_of_the_noise_it_is_the_psnr():
    assert judged_psnr(0.001, 0.01) == pytest.approx(30)
    assert judged_psnr(0.0002 - 1e-9, 0.01) == pytest.approx(judged_psnr(0.0002, 0.01), abs=1e-4)


def test_a_level_that_was_read_too_high_is_told_more_closely(noisy):
    """So that judgements on networks that take nearly all of the noise away are neither alike nor absurd."""
    clean, pictures = noisy
    found = find_noise(image for (image,) in pictures)
    wrong = dataclasses.replace(found, sigma=1.1 * SIGMA, deviation=1.1 * SIGMA, gain=0.0)
    judge = Judge(Lesson("recorrupted", wrong), pictures, blurred(4))
    assert judge.noise.sigma == pytest.approx(SIGMA, rel=0.02)
    strengths = (0.6, 0.8, 1.0, 1.5, 4.0)
    judged = [judge(blurred(strength)) for strength in strengths]
    errors = [
        np.mean([(blurred(strength)(image) - truth) ** 2 for truth, (image,) in zip(clean, pictures, strict=True)])
        for strength in strengths
    ]
    assert np.argsort(judged).tolist() == np.argsort(errors)[::-1].tolist()
    np.testing.assert_allclose(judged[:4], -10 * np.log10(errors[:4]), atol=0.5)  # the last is below a fiftieth
    rough = Judge(Lesson("recorrupted", wrong), pictures)  # without the reference: still in order
    assert np.argsort([rough(blurred(strength)) for strength in strengths]).tolist() == np.argsort(judged).tolist()


def test_where_noise_is_cut_off_nothing_is_judged():
    clean = [scene(seed) for seed in range(3)]
    for image in clean:
        image[:96] = 0.01
    random = np.random.default_rng(1)
    added = [SIGMA * random.standard_normal(image.shape) for image in clean]
    pictures = [((image + one).clip(0, 1).astype("float32"),) for image, one in zip(clean, added, strict=True)]
    judge = Judge(Lesson("recorrupted", find_noise(image for (image,) in pictures)), pictures, blurred(4))
    denoise = blurred(1)
    errors = [(denoise(image) - truth) ** 2 for truth, (image,) in zip(clean, pictures, strict=True)]
    light, dark = (-10 * np.log10(np.mean([error[part] for error in errors])) for part in (slice(100, None), slice(92)))
    assert abs(light - dark) > 1.5
    assert judge(denoise) == pytest.approx(light, abs=0.5)
    black = np.clip(SIGMA * random.standard_normal((192, 192, 3)), 0, 1).astype("float32")
    beside = Judge(judge.lesson, [*pictures, (black,)], blurred(4))  # of which nothing can be told
    assert beside(denoise) == pytest.approx(judge(denoise), abs=0.01)
