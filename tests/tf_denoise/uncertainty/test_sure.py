import numpy as np
import pytest
import scipy.ndimage
import skimage.data

from tf_denoise.models import UNet
from tf_denoise.tiling import TiledDenoiser
from tf_denoise.uncertainty import EstimatedPSNR, estimate_psnr

CLEAN = skimage.data.camera()[::4, ::4].astype("float32") / 255


def smoothed(image):
    """A linear denoiser."""
    return scipy.ndimage.convolve(image, np.outer([1, 2, 1], [1, 2, 1]).astype("float32") / 16, mode="constant")


def test_the_estimate_of_a_linear_filter_is_steins():
    """Of a linear filter the divergence is the trace of its matrix, 1/4 of a pixel here."""
    noisy = CLEAN + np.random.default_rng(0).normal(0, 0.1, CLEAN.shape).astype("float32")
    expected = np.mean((smoothed(noisy) - noisy) ** 2) - 0.1**2 + 2 * 0.1**2 / 4
    found = estimate_psnr(smoothed, noisy, 0.1, probes=40)
    assert found.mse == pytest.approx(expected, rel=0.01)
    assert found.psnr == pytest.approx(-10 * np.log10(expected), abs=0.05)


def test_a_denoiser_that_gives_one_picture_whatever_it_sees_is_judged_exactly():
    noisy = CLEAN + np.random.default_rng(0).normal(0, 0.1, CLEAN.shape).astype("float32")
    found = estimate_psnr(np.zeros_like, noisy, 0.1)
    assert found.mse == pytest.approx(np.mean(noisy**2) - 0.01, rel=1e-5)


def test_leaving_all_as_it_is_leaves_the_noise():
    noisy = CLEAN + np.random.default_rng(0).normal(0, 0.1, CLEAN.shape).astype("float32")
    found = estimate_psnr(lambda image: image, noisy, 0.1, probes=10)
    assert found.mse == pytest.approx(0.01, rel=0.02)


@pytest.mark.parametrize(("sigma", "gain"), [(0.1, 0.0), (0.02, 0.01), (0.0, 0.02)])
def test_it_is_right_in_the_mean_and_so_is_its_standard_error(sigma, gain):
    off, told = [], []
    for seed in range(60):
        random = np.random.default_rng(seed)
        photons = gain * random.poisson(CLEAN / gain) if gain else CLEAN
        noisy = (photons + sigma * random.standard_normal(CLEAN.shape)).astype("float32")
        found = estimate_psnr(smoothed, noisy, sigma, gain, seed=seed)
        off.append(found.mse - np.mean((smoothed(noisy) - CLEAN) ** 2))
        told.append(found.standard_error)
    assert abs(np.mean(off)) < 3.5 * np.std(off) / np.sqrt(len(off))
    assert np.mean(told) == pytest.approx(np.std(off), rel=0.3)


def test_noise_that_all_channels_share_is_taken_into_account():
    clean = CLEAN[..., None].repeat(3, axis=-1)

    def mean_of_channels(image):
        return np.broadcast_to(image.mean(axis=-1, keepdims=True), image.shape)

    off, told, without = [], [], []
    for seed in range(40):
        random = np.random.default_rng(seed)
        noisy = (clean + 0.1 * random.standard_normal((*CLEAN.shape, 1))).astype("float32")
        true = np.mean((mean_of_channels(noisy) - clean) ** 2)
        found = estimate_psnr(mean_of_channels, noisy, 0.1, between_channels=1.0, seed=seed)
        off.append(found.mse - true)
        told.append(found.standard_error)
        without.append(estimate_psnr(mean_of_channels, noisy, 0.1, seed=seed).mse - true)
    assert abs(np.mean(off)) < 3.5 * np.std(off) / np.sqrt(len(off))
    assert np.mean(told) == pytest.approx(np.std(off), rel=0.35)
    assert np.mean(without) < -0.01


def test_a_part_of_the_picture_can_be_judged():
    noisy = CLEAN + np.random.default_rng(0).normal(0, 0.1, CLEAN.shape).astype("float32")
    where = CLEAN > 0.5
    expected = np.mean((smoothed(noisy) - noisy)[where] ** 2) - 0.1**2 + 2 * 0.1**2 / 4
    assert estimate_psnr(smoothed, noisy, 0.1, where=where, probes=40).mse == pytest.approx(expected, rel=0.02)
    assert (
        estimate_psnr(smoothed, noisy, 0.1, where=where).standard_error
        > estimate_psnr(smoothed, noisy, 0.1).standard_error
    )


def test_the_preset_is_judged_within_two_tenths_of_a_decibel():
    clean = skimage.data.astronaut()[:160, 100:260].astype("float32") / 255
    denoiser = TiledDenoiser(UNet.from_preset("photographs"))
    for sigma in (10 / 255, 40 / 255):
        noisy = clean + np.random.default_rng(3).normal(0, sigma, clean.shape).astype("float32")
        denoised = denoiser(noisy)
        true = -10 * np.log10(np.mean((denoised - clean) ** 2))
        found = estimate_psnr(denoiser, noisy, sigma, denoised=denoised)
        assert found.psnr == pytest.approx(true, abs=0.2)
        assert found.interval[0] < found.psnr < found.interval[1]


def test_pictures_of_integers_are_taken_as_shares_of_white():
    noisy = np.random.default_rng(0).integers(0, 255, (40, 50, 3)).astype("uint8")
    model = UNet(widths=(4, 8))
    found = estimate_psnr(model, noisy, 0.1)
    assert found == estimate_psnr(model, noisy / np.float32(255), 0.1)
    wide = estimate_psnr(model, (noisy.astype("uint16") * 257), 0.1)
    assert wide.mse == pytest.approx(found.mse, rel=1e-4)
    assert found != estimate_psnr(model, noisy, 0.1, seed=1)


def test_a_perfect_result_is_told_as_100_decibels():
    assert EstimatedPSNR(100.0, -1e-5, 1e-4).interval[1] == 100.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sigma": 0}, "`sigma` and `gain` are 0 or more, and not both 0; received 0 and 0.0"),
        ({"sigma": float("nan")}, "`sigma` and `gain` are 0 or more"),
        ({"sigma": 0.1, "gain": -1}, "`sigma` and `gain` are 0 or more"),
        ({"sigma": 0.1, "probes": 1}, "`probes` is an integer of 2 or more; received 1"),
        ({"sigma": 0.1, "between_channels": 1.5}, "`between_channels` is a correlation from 0 to 1"),
        ({"sigma": 0.1, "where": np.zeros(CLEAN.shape)}, "`where` has the shape of the picture"),
        ({"sigma": 0.1, "where": np.ones((3, 3))}, r"is true somewhere; received \(3, 3\)"),
        ({"sigma": 0.1, "denoised": np.zeros((3, 3))}, r"Noisy and denoised picture have one shape"),
    ],
)
def test_bad_arguments_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        estimate_psnr(smoothed, CLEAN, **options)
