import cv2
import numpy as np
import pytest
from scipy import ndimage
from skimage import data, restoration
from texture_cases import with_noise

from evaluation.textures import baselines
from evaluation.textures.baselines import BASELINES
from tf_denoise.noise.estimate import LEAST_SIGMA, estimate_sigma

CLEAN = data.astronaut()[40:104, 180:260].astype("float32") / 255
NOISY = with_noise(CLEAN, 30)


def gaussian_line(size, sigma):
    places = np.arange(size) - size // 2
    line = np.exp(-(places**2) / (2 * sigma**2))
    return line / line.sum()


@pytest.mark.parametrize(
    ("size", "sigma", "line"),
    [
        (3, 0.75, gaussian_line(3, 0.75)),
        (9, 2.5, gaussian_line(9, 2.5)),
        (3, 0, np.array([1, 2, 1]) / 4),
        (5, 0, np.array([1, 4, 6, 4, 1]) / 16),
    ],
    ids=str,
)
def test_the_blur_is_a_convolution_with_a_gaussian_kernel(size, sigma, line):
    expected = ndimage.correlate(NOISY.astype("float64"), np.outer(line, line)[..., None], mode="mirror")
    np.testing.assert_allclose(baselines.gaussian_blur(NOISY, size, sigma), expected, atol=1e-5)


@pytest.mark.parametrize("size", [3, 5, 7])
def test_the_median_is_that_of_every_neighbourhood(size):
    padded = np.pad(NOISY, [(size // 2, size // 2)] * 2 + [(0, 0)], mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(0, 1))
    np.testing.assert_array_equal(baselines.median_filter(NOISY, size), np.median(windows, axis=(-2, -1)))


def test_the_deviation_is_estimated_as_by_wavelets():
    for sigma in (5, 25, 60):
        flat = with_noise(np.full((128, 128, 3), 0.5), sigma)
        assert estimate_sigma(flat) == pytest.approx(sigma / 255, rel=0.03)
        wavelets = restoration.estimate_sigma(flat, channel_axis=-1, average_sigmas=True)
        assert estimate_sigma(flat) == pytest.approx(wavelets, rel=0.05)
    assert estimate_sigma(np.zeros((8, 8, 1))) == LEAST_SIGMA
    ramp = np.linspace(0, 1, 32)[:, None, None] + np.linspace(0, 1, 32)[:, None]
    assert estimate_sigma(ramp) == LEAST_SIGMA


def test_strengths_are_multiples_of_the_estimated_deviation():
    sigma = estimate_sigma(NOISY)
    means = restoration.denoise_nl_means(
        NOISY, patch_size=5, patch_distance=11, h=0.5 * sigma, sigma=sigma, channel_axis=-1, fast_mode=True
    )
    np.testing.assert_allclose(baselines.non_local_means(NOISY, 0.5), means, atol=1e-6)
    variation = restoration.denoise_tv_chambolle(NOISY, weight=1.5 * sigma, channel_axis=-1)
    np.testing.assert_allclose(baselines.total_variation(NOISY, 1.5), variation, atol=1e-6)


def test_opencv_sees_eight_bits_in_its_own_order_of_colours():
    strength = 0.6 * estimate_sigma(NOISY) * 255
    bgr = cv2.cvtColor(np.uint8(np.round(np.clip(NOISY, 0, 1) * 255)), cv2.COLOR_RGB2BGR)
    denoised = cv2.fastNlMeansDenoisingColored(bgr, None, strength, strength, 7, 21)
    expected = cv2.cvtColor(denoised, cv2.COLOR_BGR2RGB) / 255
    np.testing.assert_allclose(baselines.opencv_non_local_means(NOISY, 0.6), expected, atol=1e-6)


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_every_baseline_denoises_images_of_any_channels(name, channels):
    clean = np.repeat(CLEAN[..., 1:2], channels, axis=2)
    noisy = with_noise(clean, 40)
    kept = noisy.copy()
    baseline = BASELINES[name]
    parameters = baseline.candidates()[len(baseline.candidates()) // 2]
    output = np.clip(baseline.function(noisy, **parameters), 0, 1)
    assert (output.shape, output.dtype) == (clean.shape, np.float32)
    assert np.mean((output - clean) ** 2) < 0.6 * np.mean((np.clip(noisy, 0, 1) - clean) ** 2)
    np.testing.assert_array_equal(noisy, kept)


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_leaves_a_flat_image_as_it_is(name):
    flat = np.full((16, 16, 3), 0.4, "float32")
    for parameters in BASELINES[name].candidates():
        np.testing.assert_allclose(BASELINES[name].function(flat, **parameters), flat, atol=1 / 255)


def test_the_grid_of_the_blur_is_kernels_3_to_9_and_deviations_0_to_3():
    candidates = BASELINES["gaussian_blur"].candidates()
    assert len(candidates) == 4 * 13
    assert {c["kernel_size"] for c in candidates} == {3, 5, 7, 9}
    assert (min(c["sigma"] for c in candidates), max(c["sigma"] for c in candidates)) == (0, 3)
    assert all(len(baseline.candidates()) <= 52 for baseline in BASELINES.values())
