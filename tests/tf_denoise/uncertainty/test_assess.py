import dataclasses
import io
import json

import numpy as np
import pytest
import scipy.fft
import scipy.linalg
import scipy.ndimage
import skimage.data
from PIL import Image

from tf_denoise.models import UNet
from tf_denoise.noise.found import FoundNoise, find_noise
from tf_denoise.tiling import TiledDenoiser
from tf_denoise.uncertainty.assessment import assess, warnings_of
from tf_denoise.uncertainty.level import refined_noise, within_range
from tf_denoise.uncertainty.whiteness import Whiteness

CLEAN = skimage.data.astronaut()[:288, 60:348].astype("float32") / 255
NOTHING = (0.0, 0.0, 0.0)


def white(shape=CLEAN.shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def stored(image):
    return np.round(255 * np.clip(image, 0, 1)).astype("uint8")


@pytest.fixture(scope="module")
def denoiser():
    return TiledDenoiser(UNet.from_preset("photographs"))


def good(noisy):
    """A stand-in for a denoiser, that is good by knowing the picture, and leaves a little of the noise."""
    return 0.95 * CLEAN + 0.05 * noisy


def psnr(image):
    return -10 * np.log10(np.mean((image - CLEAN) ** 2))


@pytest.mark.parametrize("sigma", [8, 25, 50])
def test_the_level_is_refined_to_a_few_per_cent_of_the_variance(sigma):
    noisy = CLEAN + sigma / 255 * white()
    found = find_noise([noisy])
    refined = refined_noise(found, noisy, good(noisy))
    told = refined.noise
    assert refined.tilt == pytest.approx(1, abs=2 * refined.tilt_error)
    assert not refined.is_shared
    variance = (255 * told.deviation / sigma) ** 2
    assert variance == pytest.approx(1, abs=0.03)
    assert abs(variance - 1) < 3 * refined.error
    assert told.gain == 0
    assert told.shared == found.shared


def test_the_gain_of_photons_is_refined_too():
    noisy = CLEAN + np.sqrt(0.01 * CLEAN + 0.02**2) * white()
    told = refined_noise(find_noise([noisy]), noisy, good(noisy)).noise
    assert told.gain == pytest.approx(0.01, rel=0.08)
    assert told.sigma == pytest.approx(0.02, abs=0.008)
    assert told.deviation == pytest.approx(np.sqrt(0.01 * CLEAN.mean() + 0.02**2), rel=0.03)


def test_where_noise_is_cut_off_is_told_by_the_denoised_picture():
    values = np.array([0.0, 0.2, 0.3, 0.5, 0.8, 1.0])
    noise = FoundNoise(0.1, 0.1, 0.0, NOTHING, NOTHING, "no", 0.0, 0.05, False)
    assert within_range(noise, values).tolist() == [False, False, True, True, False, False]
    unclipped = FoundNoise(0.1, 0.1, 0.0, NOTHING, NOTHING, "no", 0.0, 0.0, False)
    assert within_range(unclipped, values).all()


def test_a_picture_that_is_black_and_white_tells_no_level():
    noisy = stored(np.where(CLEAN > 0.5, 1, 0) + 0.1 * white())
    noise = FoundNoise(0.1, 0.1, 0.0, NOTHING, NOTHING, "no", 0.0, 0.9, False)
    assert refined_noise(noise, noisy, stored(CLEAN > 0.5)) is None


@pytest.mark.parametrize("sigma", [pytest.param(15, marks=pytest.mark.slow), 40])
def test_the_estimates_are_near_the_truth_and_nothing_is_warned_of(denoiser, sigma):
    noisy = (CLEAN + sigma / 255 * white()).astype("float32")
    denoised = denoiser(noisy)
    found = assess(noisy, denoised, denoiser, (0, 60))
    assert found.before == pytest.approx(psnr(noisy), abs=0.15)
    assert found.after.psnr == pytest.approx(psnr(denoised), abs=0.8)
    low, high = found.after.interval
    assert low - 0.3 < psnr(denoised) < high + 0.3
    assert found.warnings == ()
    assert found.judged == 1
    assert json.loads(json.dumps(found.record))["estimated_psnr_after"]["psnr"] == found.after.psnr


@pytest.mark.slow
def test_stored_pictures_are_judged_where_noise_is_not_cut_off(denoiser):
    noisy = stored(CLEAN + 20 / 255 * white())
    found = assess(noisy, denoiser(noisy), denoiser, (0, 60))
    assert 0.3 < found.judged < 1
    assert "of the values are black or white, where noise is cut off: of these places" in found.warnings[0]
    low, high = found.after.interval
    assert high - low < 3


def test_shared_noise_is_warned_of_and_not_estimated(denoiser):
    shared = scipy.ndimage.gaussian_filter(white(), (0.6, 0.6, 0))
    noisy = (CLEAN + 0.06 * shared / shared.std()).astype("float32")
    found = assess(noisy, denoiser(noisy), denoiser)
    assert found.after is None
    assert "What was removed is not white (correlation 0." in found.warnings[0]
    assert "neighbours share the noise" in found.warnings[0]
    json.dumps(found.record)


def test_noise_that_is_shared_a_little_is_warned_of_and_not_estimated():
    shared = scipy.ndimage.gaussian_filter(white(), (0.4, 0.4, 0))
    noisy = CLEAN + 15 / 255 * shared / shared.std()
    found = find_noise([noisy])
    assert found.shared == "no"
    told = refined_noise(found, noisy, good(noisy))
    # by hand: the covariance of eight neighbours, brought to the cosine frequencies of a block
    kernel = np.exp(-(np.arange(-2, 3) ** 2) / 0.32)
    covariance = scipy.linalg.toeplitz(np.pad(np.correlate(kernel, kernel, "full")[4:], (0, 3)))
    cosines = scipy.fft.dct(np.eye(8), axis=0, norm="ortho")
    along = np.diag(cosines @ covariance @ cosines.T)[4:]
    power, frequency = np.outer(along, along), np.add.outer(np.arange(4, 8), np.arange(4, 8))
    halves = [
        [power[(frequency % 2 == p) & part].mean() for part in (frequency <= 10, frequency >= 12)] for p in (0, 1)
    ]
    expected = sum(low for low, _ in halves) / sum(high for _, high in halves)
    assert told.tilt == pytest.approx(expected, abs=0.06)
    assert expected > 1.15
    after = assess(noisy, good(noisy), good)
    assert after.after is None
    assert "Neighbours share the noise a little: its middle frequencies have 1." in after.warnings[0]


def test_a_jpeg_file_is_warned_of_and_not_estimated():
    file = io.BytesIO()
    Image.fromarray(stored(CLEAN + 15 / 255 * white())).save(file, "jpeg", quality=80)
    picture = np.asarray(Image.open(file))
    denoised = stored(good(picture / 255))
    found = assess(picture, denoised, lambda noisy: good(noisy))
    assert found.after is None
    assert "The picture was stored as JPEG, which rounded" in found.warnings[0]
    assert not any("What was removed" in warning for warning in found.warnings)


def test_what_else_can_be_warned_of():
    still = Whiteness(np.eye(9), 0.01, 0.1)
    quiet = FoundNoise(0.001, 0.001, 0.0, NOTHING, NOTHING, "no", 0.0, 0.0, False)
    assert "No more noise than rounding to 8 bits hides: what was removed" in warnings_of(quiet, _white(), None)[0]
    texture = FoundNoise(0.005, 0.005, 0.0, NOTHING, NOTHING, "no", 0.0, 0.0, False, is_even=False)
    assert warnings_of(texture, _white(), (5, 55)) == (
        "No noise that can be told from fine texture: what was removed is part of the picture.",
    )
    impulses = FoundNoise(0.1, 0.1, 0.0, NOTHING, NOTHING, "no", 0.0, 0.2, True)
    assert "salt and pepper" in warnings_of(impulses, _white(), None)[0]
    strong = FoundNoise(0.4, 0.4, 0.0, NOTHING, NOTHING, "no", 0.0, 0.0, False)
    assert warnings_of(strong, _white(), (5, 55)) == (
        "The noise has a deviation of 102.0 (255ths); the network was trained on 5 to 55.",
    )
    assert "trained on 50." in warnings_of(strong, _white(), (50, 50))[0]
    weak = FoundNoise(0.1, 0.1, 0.0, NOTHING, NOTHING, "no", 0.0, 0.0, False)
    assert "it is part of the picture" in warnings_of(weak, still, None)[0]
    assert warnings_of(weak, _white(), (5, 55)) == ()


def _white():
    middle = np.zeros((9, 9))
    middle[4, 4] = 1
    return Whiteness(middle, 0.01, 0.1)


def test_texture_is_not_taken_for_noise_where_little_else_is_there():
    """Of a picture that is texture all over only a corner is smooth: nothing is told, and no level that is too high."""
    random = np.random.default_rng(0)
    clean = np.full((96, 96, 1), 0.5, "float32")
    clean[16:] += 0.1 * random.standard_normal((80, 96, 1)).astype("float32")
    noisy = clean + (0.02 * random.standard_normal(clean.shape)).astype("float32")
    noise = FoundNoise(0.02, 0.02, 0.0, NOTHING, NOTHING, "no", 0.0, 0.0, False)
    assert refined_noise(noise, noisy, clean) is None
    smooth = np.where(np.arange(96)[:, None, None] < 48, np.float32(0.5), clean)
    told = refined_noise(noise, smooth + (noisy - clean), smooth)
    assert (told.noise.deviation / 0.02) ** 2 == pytest.approx(1, abs=5 * told.error)
    assert told.error < 0.1


def smoothed(image):
    return scipy.ndimage.uniform_filter(image, (31, 31, 0), mode="reflect")


def test_what_a_small_picture_cannot_tell_is_told_as_a_bound():
    """Where hardly any noise is left, its level would have to be known far better than a small picture tells it."""
    clean = np.full((96, 96, 3), 0.5, "float32")
    bounds, held = [], 0
    for seed in range(8):
        noisy = (clean + 0.1 * white(clean.shape, seed)).astype("float32")
        denoised = smoothed(noisy)
        found = assess(noisy, denoised, smoothed)
        true = -10 * np.log10(np.mean((denoised - clean) ** 2))
        assert found.before is None or found.before == pytest.approx(20, abs=0.4)
        if found.after is not None:
            assert found.after.mse >= 2 * found.after.standard_error
        elif found.at_least is not None:
            bounds.append(found.at_least)
            held += found.at_least <= true
            assert found.record["estimated_psnr_at_least"] == found.at_least
            assert found.warnings == ()
    assert len(bounds) >= 4
    assert held >= len(bounds) - 1
    assert max(bounds) < 60


def test_a_level_that_is_read_too_high_gives_no_bound(monkeypatch):
    """The estimate comes out clearly below 0, and no PSNR follows from that, least of all 100 dB or more."""
    refined = refined_noise

    def too_high(noise, noisy, denoised):
        told = refined(noise, noisy, denoised)
        sigma = 1.2 * told.noise.sigma
        return told._replace(noise=dataclasses.replace(told.noise, sigma=sigma, deviation=sigma))

    monkeypatch.setattr("tf_denoise.uncertainty.assessment.refined_noise", too_high)
    noisy = (np.full((192, 192, 3), 0.5) + 0.1 * white((192, 192, 3))).astype("float32")
    found = assess(noisy, smoothed(noisy), smoothed)
    assert (found.before, found.after, found.at_least) == (None, None, None)
    assert found.warnings == ("The level of the noise was read too high: PSNR cannot be estimated.",)


def test_white_noise_of_a_few_blocks_is_not_called_shared():
    """The ratio of two powers, each of few values, is far from 1 by chance."""
    called = 0
    for seed in range(40):
        noisy = (0.5 + 0.1 * white((56, 56, 1), seed)).astype("float32")
        noise = FoundNoise(0.1, 0.1, 0.0, NOTHING, NOTHING, "no", 0.0, 0.0, False)
        called += refined_noise(noise, noisy, np.full_like(noisy, 0.5)).is_shared
    assert called <= 5


def test_small_pictures_are_told_to_be_small():
    for side in (8, 20):
        tiny = np.zeros((side, side, 3), "uint8")
        found = assess(tiny, tiny, lambda image: image)
        assert found.noise is None
        assert found.warnings == ("The picture is too small to say anything of its noise.",)
        json.dumps(found.record)


def test_of_a_large_picture_four_windows_are_looked_at():
    seen = []

    def denoise(image):
        seen.append(image.shape)
        return scipy.ndimage.gaussian_filter(image, (2, 2, 0))

    clean = np.linspace(0.2, 0.8, 900 * 700, dtype="float32").reshape(900, 700, 1)
    noisy = (clean + 0.05 * white(clean.shape)).astype("float32")
    denoised = scipy.ndimage.gaussian_filter(noisy, (2, 2, 0))
    found = assess(noisy, denoised, denoise)
    assert seen == [(256, 256, 1)] * 8
    true = -10 * np.log10(np.mean((denoised - clean) ** 2))
    low = found.at_least if found.after is None else found.after.interval[0]
    assert 30 < low < true + 0.5
