import io

import numpy as np
import pytest
from PIL import Image
from skimage import data

from tf_denoise.noise.jpeg_trace import TRACE, jpeg_trace

CLEAN = data.astronaut()[80:336, 100:364] / 255  # cut so that nothing lies on a grid of 8


def noisy(sigma, seed=0):
    return CLEAN + np.random.default_rng(seed).normal(0, sigma / 255, CLEAN.shape)


def stored(image):
    return np.round(255 * np.clip(image, 0, 1)).astype("uint8")


def jpeg(image, quality, **options):
    file = io.BytesIO()
    Image.fromarray(stored(image)).save(file, "jpeg", quality=quality, **options)
    return np.asarray(Image.open(file))


@pytest.mark.parametrize("sigma", [5, 15, 25])
@pytest.mark.parametrize("quality", [60, 80, 90, 95])
def test_a_jpeg_file_is_told_wherever_its_blocks_begin(sigma, quality):
    picture = jpeg(noisy(sigma), quality)
    assert jpeg_trace(picture) > 2 * TRACE
    assert jpeg_trace(picture[3:, 5:]) > 2 * TRACE
    assert jpeg_trace(picture.astype("uint16") * 257) == pytest.approx(jpeg_trace(picture), abs=1e-3)


def test_chroma_at_full_resolution_changes_nothing():
    assert jpeg_trace(jpeg(noisy(15), 85, subsampling=0)) > 2 * TRACE
    assert jpeg_trace(jpeg(noisy(15), 85)[..., :1]) > TRACE  # one channel of it


@pytest.mark.parametrize("sigma", [2, 5, 15, 50])
def test_a_picture_that_was_not_stored_so_is_not_taken_for_one(sigma):
    assert jpeg_trace(noisy(sigma).astype("float32")) < TRACE / 3
    assert jpeg_trace(stored(noisy(sigma))) < TRACE / 3
    assert jpeg_trace(stored(noisy(sigma))[..., :1]) < TRACE / 3


def test_noise_that_came_after_jpeg_and_scaling_hide_it():
    picture = jpeg(CLEAN, 80)
    assert jpeg_trace(picture) > TRACE
    after = picture / 255 + np.random.default_rng(0).normal(0, 5 / 255, CLEAN.shape)
    assert jpeg_trace(stored(after)) < TRACE
    scaled = Image.fromarray(picture).resize((200, 200), Image.Resampling.BICUBIC)
    assert jpeg_trace(np.asarray(scaled)) < TRACE


def test_a_flat_picture_and_a_small_one_show_none():
    assert jpeg_trace(np.full((64, 64, 3), 0.5, "float32")) == 0
    assert jpeg_trace(np.random.default_rng(0).random((30, 30, 1))) == 0
