"""The head of intervals: what every network of the package passes, and what makes it one."""

import numpy as np
import pytest
from network_checks import check_gradients, check_round_trips, noisy_images, with_random_weights

from tf_denoise.models import UNet, multiply_adds_per_pixel
from tf_denoise.tiling import TiledDenoiser
from tf_denoise.uncertainty import IntervalHead
from tf_denoise.uncertainty.head import LEAST_SCALE


def head_of(channels=3, **options):
    return with_random_weights(IntervalHead(channels, 6, **options))


def test_it_comes_back_with_all_that_is_known_of_it(tmp_path):
    record = {"coverage": [{"by": "all", "coverage": 0.9, "low": None}], "training": {"steps": 3}}
    head = head_of(denoiser="0123456789abcdef", scale=np.float32(1.25), record=record)
    check_round_trips(head, noisy_images(2, 13, 7, 6), tmp_path)
    assert head.get_config()["scale"] == 1.25
    assert head.get_config()["record"] == record


@pytest.mark.parametrize("size", [(1, 1), (3, 9), (16, 20)])
def test_widths_are_positive_at_any_size(size):
    widths = head_of()(noisy_images(2, *size, 6)).numpy()
    assert widths.shape == (2, *size, 6)
    assert (widths > 0).all()


def test_it_learns_with_all_of_its_weights():
    check_gradients(head_of(blocks=2), noisy_images(2, 16, 24, 6))


def test_an_untrained_head_gives_a_share_of_the_local_strength_of_what_was_removed():
    """By hand: a constant difference d has the strength d everywhere, and softplus(0) is log 2."""
    denoised = np.full((1, 32, 32, 1), 0.5, "float32")
    noisy = denoised + np.float32(0.1) * np.where(np.indices((32, 32)).sum(0) % 2, 1, -1)[None, :, :, None]
    widths = IntervalHead(1, 4)(np.concatenate([noisy, denoised], -1)).numpy()
    np.testing.assert_allclose(widths, np.log(2) * (0.1 + LEAST_SCALE), rtol=1e-5)


def test_noise_that_is_twice_as_strong_around_a_place_doubles_what_it_looks_at_there_alone():
    rng = np.random.default_rng(0)
    denoised = np.full((1, 64, 256, 1), 0.5, "float32")
    noise = rng.normal(0, 0.1, denoised.shape).astype("float32")
    noise[:, :, 128:] *= 2
    widths = IntervalHead(1, 4)(np.concatenate([denoised + noise, denoised], -1)).numpy()
    assert widths[:, :, 160:].mean() / widths[:, :, :96].mean() == pytest.approx(2, rel=0.05)


def test_below_and_above_stand_channel_by_channel():
    """Noise in red alone moves the widths of all; the first half of the output is below, the second above."""
    head = head_of()
    final = head.get_layer("head")
    kernel, bias = final.get_weights()
    final.set_weights([np.zeros_like(kernel), np.tile([-5.0, -5, -5, 5, 5, 5], 16).astype("float32")])
    widths = head(noisy_images(1, 8, 8, 6)).numpy()
    assert (widths[..., :3] < widths[..., 3:]).all()
    assert bias.shape == (96,)


def test_tiles_give_what_the_whole_gives():
    head = head_of()
    stacked = noisy_images(1, 150, 170, 6)[0]
    whole = head(stacked[None])[0].numpy()
    np.testing.assert_allclose(TiledDenoiser(head, tile=128)(stacked), whole, atol=1e-5 * whole.max())


def test_it_costs_a_small_part_of_the_default_network():
    assert multiply_adds_per_pixel(IntervalHead()) < 0.12 * multiply_adds_per_pixel(UNet())
    assert IntervalHead().count_params() * 2 < 2_000_000  # bytes, in half precision


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": 0}, "positive integer channels, width and blocks; received channels=0"),
        ({"width": 2.5}, "width=2.5"),
        ({"blocks": True}, "blocks=True"),
        ({"scale": 0.0}, "`scale` is a number above 0, or None; received 0.0"),
        ({"scale": float("inf")}, "received inf"),
    ],
)
def test_what_cannot_be_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        IntervalHead(**options)
