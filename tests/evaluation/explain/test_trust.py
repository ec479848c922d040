import numpy as np
import pytest
from network_checks import with_random_weights
from scipy import ndimage

from evaluation.explain.trust import (
    RANDOM,
    UNIFORM,
    measure_trust,
    psnr_curves,
    randomised_correlation,
    rank_correlation,
    with_shuffled_weights,
)
from tf_denoise.explain import EigenCAM
from tf_denoise.models import UNet

HEIGHT, WIDTH, CELL = 64, 96, 8
DETAIL = np.zeros((HEIGHT, WIDTH), "float32")
DETAIL[16:40, 24:64] = 1
CLEAN = (0.5 + 0.4 * DETAIL * np.where(np.indices((HEIGHT, WIDTH)).sum(0) % 2, 1, -1))[..., None].astype("float32")
NOISY = CLEAN + np.random.default_rng(0).normal(0, 0.02, CLEAN.shape).astype("float32")


def denoise(picture):
    return picture.clip(0, 1)


def test_a_map_of_the_places_that_are_needed_gains_and_its_opposite_loses():
    curves = psnr_curves(denoise, NOISY, CLEAN, {"needed": DETAIL, "not needed": 1 - DETAIL})
    assert min(curves.gains("needed")) > 1
    assert max(curves.gains("not needed")) < -1
    assert min(curves.gains("needed", UNIFORM)) > 1


def test_all_curves_begin_and_end_alike():
    curves = psnr_curves(denoise, NOISY, CLEAN, {"needed": DETAIL}, steps=4)
    np.testing.assert_allclose(curves.shares, [0, 0.25, 0.5, 0.75, 1])
    whole, nothing = curves.deletion["needed"][[0, -1]]
    assert whole > nothing + 10
    for name in ("needed", RANDOM, UNIFORM):
        np.testing.assert_allclose(curves.deletion[name][[0, -1]], [whole, nothing])
        np.testing.assert_allclose(curves.insertion[name][[0, -1]], [nothing, whole])


def test_what_is_taken_away_is_replaced_by_its_local_mean_hottest_first():
    seen = []
    heat = np.linspace(0, 1, WIDTH)[None].repeat(HEIGHT, 0)
    psnr_curves(lambda picture: seen.append(picture) or denoise(picture), NOISY, CLEAN, {"right": heat}, steps=2)
    mean = ndimage.gaussian_filter(NOISY, (CELL / 2, CELL / 2, 0), mode="nearest")
    half = WIDTH // 2
    deleted, inserted = seen[-2:]
    np.testing.assert_allclose(deleted[:, :half], NOISY[:, :half])
    np.testing.assert_allclose(deleted[:, half:], mean[:, half:], atol=1e-6)
    np.testing.assert_allclose(inserted[:, :half], mean[:, :half], atol=1e-6)
    np.testing.assert_allclose(inserted[:, half:], NOISY[:, half:])
    mixed = seen[-3]
    np.testing.assert_allclose(mixed, (NOISY + mean) / 2, atol=1e-6)


def test_a_map_without_contrast_is_as_good_as_a_random_one():
    assert psnr_curves(denoise, NOISY, CLEAN, {"flat": np.ones((HEIGHT, WIDTH))}).gains("flat") == (0, 0)


def test_sizes_that_differ_are_refused():
    with pytest.raises(ValueError, match="must be of one size"):
        psnr_curves(denoise, NOISY, CLEAN, {"other": np.ones((3, 3))})
    with pytest.raises(ValueError, match="must be of one size"):
        psnr_curves(denoise, NOISY, CLEAN[1:], {})


def test_rank_correlation_sees_order_alone():
    values = np.random.default_rng(0).normal(size=50)
    assert rank_correlation(values, np.exp(values)) == pytest.approx(1)
    assert rank_correlation(values, -(values**3)) == pytest.approx(-1)


def test_shuffled_weights_are_the_same_values_at_other_places():
    model = with_random_weights(UNet(channels=1, widths=(4, 8)))
    before = model.get_weights()
    shuffled = with_shuffled_weights(model, 0).get_weights()
    for own, others, kept in zip(before, shuffled, model.get_weights(), strict=True):
        np.testing.assert_array_equal(own, kept)
        np.testing.assert_array_equal(np.sort(own, axis=None), np.sort(others, axis=None))
        assert own.size < 10 or not np.array_equal(own, others)


def test_a_map_that_does_not_look_at_the_network_is_found_out():
    def edges(images):
        return np.abs(ndimage.laplace(images[..., 0]))

    assert randomised_correlation(edges, [edges, edges], NOISY) == pytest.approx(1)


def test_all_checks_of_a_map_of_a_network():
    model = with_random_weights(UNet(channels=1, widths=(4, 8)))
    cams = [EigenCAM(network, "bottleneck") for network in (model, with_shuffled_weights(model, 0))]
    found = measure_trust(cams[0], cams[1:], denoise, NOISY, CLEAN)
    expected = psnr_curves(denoise, NOISY, CLEAN, {"map": cams[0](NOISY[None])[0]})
    assert (found.deletion, found.insertion) == expected.gains("map")
    assert (found.deletion_uniform, found.insertion_uniform) == expected.gains("map", UNIFORM)
    assert -1 <= found.randomised < 0.99
