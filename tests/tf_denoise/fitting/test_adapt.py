import dataclasses

import numpy as np
import pytest
import scipy.ndimage
import skimage.data

from tf_denoise.fitting.adapt import CELL, _as_images, _Batches, _cells, _Judge, adapt
from tf_denoise.models import UNet
from tf_denoise.noise.found import FoundNoise
from tf_denoise.uncertainty.sure import highest_psnr

CLEAN = skimage.data.astronaut()[40:232, 120:312].astype("float32") / 255
NOTHING = (0.0, 0.0, 0.0)
NOISE = FoundNoise(0.1, 0.1, 0.0, NOTHING, NOTHING, "no", 0.0, 0.0, False)


def noisy(sigma=0.1, seed=0):
    return CLEAN + np.random.default_rng(seed).normal(0, sigma, CLEAN.shape).astype("float32")


@pytest.mark.slow
def test_a_network_gets_better_on_the_picture_that_it_adapts_to():
    model = UNet(widths=(8, 16))
    weights = model.get_weights()
    picture, steps = noisy(), []
    found = adapt(model, picture, 0.05, on_step=lambda: steps.append(1))
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    assert len(steps) == found.steps
    assert found.noise.deviation == pytest.approx(0.1, rel=0.1)
    assert found.after > found.before

    def error(network):
        return float(np.mean((network(picture[None])[0].numpy() - CLEAN) ** 2))

    assert error(found.model) < error(model)


def test_a_fifth_is_held_out_in_whole_squares():
    cells = _cells((200, 330), seed=1)
    assert cells.shape == (200, 330)
    assert cells.mean() == pytest.approx(0.2, abs=0.04)
    for top in range(0, 200, CELL):
        for left in range(0, 330, CELL):
            assert cells[top : top + CELL, left : left + CELL].mean() in (0, 1)
    assert (cells != _cells((200, 330), seed=2)).any()


@pytest.mark.slow
def test_batches_are_functions_of_seed_and_step_and_do_not_count_what_is_held_out():
    images = noisy()[None]
    held_out = _cells(images.shape[1:3], 0)
    marked = images.copy()
    marked[0, held_out] = 7.0
    batches = _Batches(marked, NOISE, 0.0, held_out, seed=3)
    given, target, counts = (part.numpy() for part in next(iter(batches(4))))
    again = next(iter(batches(4)))
    np.testing.assert_array_equal(given, again[0])
    assert given.shape == target.shape == (8, 96, 96, 3)
    is_held_out = np.abs((given + 0.25 * target).mean(axis=-1) / 1.25 - 7) < 1e-3  # where the added noise cancels
    np.testing.assert_array_equal(counts == 0, is_held_out)
    assert counts[counts > 0].std() < 1e-6
    assert np.abs(given - next(iter(batches(5)))[0]).max() > 0


def test_grey_pictures_and_networks_of_another_number_of_channels_are_taken():
    colour = noisy()
    assert _as_images(colour, 3).shape == (1, 192, 192, 3)
    np.testing.assert_array_equal(_as_images(colour, 1)[2, ..., 0], colour[..., 2])
    grey = _as_images((255 * CLEAN[..., :1]).astype("uint8"), 3)
    assert grey.shape == (1, 192, 192, 3)
    assert grey.max() <= 1
    assert np.ptp(grey, axis=-1).max() == 0


@pytest.mark.parametrize(
    ("picture", "minutes", "message"),
    [
        (noisy(), 0, "`minutes` is a number above 0; received 0"),
        (noisy()[:50], 1, "To adapt to a picture it takes 96 x 96 pixels or more; received 192 x 50"),
        (np.full((192, 192, 3), 0.5, "float32"), 1, "no more noise in the picture than rounding hides"),
        (
            CLEAN + 0.1 * scipy.ndimage.uniform_filter(np.random.default_rng(0).normal(0, 2, CLEAN.shape), (2, 2, 1)),
            1,
            "A network cannot adapt to this noise: it takes noise of each pixel alone. Noise of a deviation",
        ),
    ],
)
def test_pictures_that_cannot_be_adapted_to_are_refused(picture, minutes, message):
    with pytest.raises(ValueError, match=message):
        adapt(UNet(widths=(4, 8)), picture, minutes)


def test_states_are_told_apart_where_the_estimated_error_lies_below_zero():
    """Noise that is told too high makes every estimate too low; still the better of two states is judged better."""
    model, noise = UNet(widths=(4, 8), blocks=1), dataclasses.replace(NOISE, sigma=0.3, deviation=0.3)
    everywhere = np.ones((96, 96), bool)
    judge = _Judge(model, noisy()[:96, :96], noise, 0.0, everywhere)
    judged = []
    for strength in (0.0, 0.75, 1.0):
        judge.denoise = lambda image, strength=strength: image + strength * (CLEAN[:96, :96] - image)
        judged.append(judge())
    assert judged[0] < judged[1] < judged[2]
    assert judged[1] > highest_psnr(0.3**2)  # where a mere PSNR would be at its ceiling


@pytest.mark.slow
def test_a_picture_of_which_little_is_left_says_so():
    clean = skimage.data.astronaut()[100:260, 100:260] / 255
    picture = np.clip(clean + np.random.default_rng(0).normal(0, 25 / 255, clean.shape), 0, 1).astype("float32")
    found = adapt(UNet.from_preset("photographs"), picture, 0.01)
    assert found.before <= found.after <= found.most == pytest.approx(20.2 + 17, abs=1)
