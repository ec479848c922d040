import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
import skimage.data
from hypothesis import given, settings, strategies as st
from skimage.measure import block_reduce

from tf_denoise.noise import find_noise
from tf_denoise.noise.found import FoundNoise


def photograph(name="astronaut"):
    return getattr(skimage.data, name)().astype("float64") / 255


def white(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def along_rows(shape, correlation):
    """First-order autoregressive noise from left to right, of deviation 1."""
    noise = white((shape[0], shape[1] + 50, *shape[2:]))
    scale = np.sqrt(1 - correlation**2)
    return scipy.signal.lfilter([scale], [1, -correlation], noise, axis=1)[:, 50:]


def stored(image):
    return np.round(255 * np.clip(image, 0, 1)).astype("uint8")


@given(sigma=st.floats(3, 60), name=st.sampled_from(["astronaut", "coffee", "chelsea", "brick"]))
@settings(max_examples=12)
def test_the_level_of_white_noise_is_found_within_a_tenth(sigma, name):
    clean = photograph(name)
    found = find_noise([clean + sigma / 255 * white(clean.shape)])
    assert found.deviation * 255 == pytest.approx(sigma, rel=0.1, abs=0.7)


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea"])
@pytest.mark.parametrize("sigma", [10, 25, 50])
def test_white_noise_is_called_white(name, sigma):
    clean = photograph(name)
    found = find_noise([stored(clean + sigma / 255 * white(clean.shape))])
    assert found.is_white
    assert found.width == 0
    assert not found.is_hidden
    assert abs(found.between_channels) < 0.2


@pytest.mark.parametrize("correlation", [0.3, 0.7])
def test_noise_that_neighbours_in_a_row_or_a_column_share_is_told_apart(correlation):
    clean = photograph()
    noise = 30 / 255 * along_rows(clean.shape, correlation)
    for image, shared in ((clean + noise, "rows"), (clean + noise.swapaxes(0, 1), "columns")):
        found = find_noise([image])
        assert found.shared == shared
        along = found.along_rows if shared == "rows" else found.along_columns
        np.testing.assert_allclose(along, correlation ** np.arange(1, 4), atol=0.1)
        assert found.deviation * 255 == pytest.approx(30, rel=0.15)
        assert found.width >= 1


def test_noise_shared_in_both_directions_is_told_with_its_width():
    clean = photograph()
    noise = scipy.ndimage.gaussian_filter(white(clean.shape), (0.8, 0.8, 0))
    found = find_noise([clean + 20 / 255 * noise / noise.std()])
    assert found.shared == "both"
    assert found.width == 2
    assert "shared by neighbours in rows and columns (correlation 0.5" in found.in_words
    assert found.deviation * 255 == pytest.approx(20, rel=0.15)


def test_noise_of_jpeg_files_is_shared_in_both_directions():
    import io

    from PIL import Image

    file = io.BytesIO()
    clean = photograph()
    Image.fromarray(stored(clean + 15 / 255 * white(clean.shape))).save(file, "jpeg", quality=80)
    assert find_noise([np.asarray(Image.open(file))]).shared == "both"


def test_noise_of_photons_is_seen_to_grow_with_the_light():
    clean = photograph()
    deviation = np.sqrt(0.01 * clean + 0.02**2)
    found = find_noise([clean + deviation * white(clean.shape)])
    assert found.grows_with_light
    assert found.gain == pytest.approx(0.01, rel=0.15)
    assert found.deviation == pytest.approx(np.sqrt(0.01 * clean.mean() + 0.02**2), rel=0.1)
    assert "more in light places" in found.in_words
    assert not find_noise([clean + 0.08 * white(clean.shape)]).grows_with_light


def test_grey_pictures_stored_in_colour_have_noise_alike_in_all_channels():
    clean = photograph().mean(axis=-1, keepdims=True).repeat(3, axis=-1)
    found = find_noise([clean + 0.08 * white((*clean.shape[:2], 1))])
    assert found.between_channels == pytest.approx(1)
    assert "alike in all channels" in found.in_words
    assert find_noise([photograph("brick")[..., None] + 0.1 * white((512, 512, 1))]).between_channels == 0


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea"])
def test_salt_and_pepper_is_told_from_noise_that_is_clipped(name):
    clean, random = photograph(name), np.random.default_rng(1)
    kind = random.integers(0, 3, (*clean.shape[:2], 1))
    chosen = random.random((*clean.shape[:2], 1)) < 0.2
    impulses = np.where(chosen & (kind == 0), 0, np.where(chosen & (kind == 2), 1, clean))
    found = find_noise([stored(impulses)])
    assert found.impulses
    assert not found.is_white
    assert found.in_words.startswith("Salt and pepper")
    assert found.clipped > 0.1
    assert not find_noise([stored(clean + 80 / 255 * white(clean.shape))]).impulses


def test_a_clean_picture_has_no_more_than_rounding_hides():
    smooth = scipy.ndimage.gaussian_filter(photograph(), (3, 3, 0))
    found = find_noise([stored(smooth)])
    assert found.is_hidden
    assert found.in_words == "No more noise than rounding to 8 bits hides."
    assert find_noise([np.full((64, 64, 3), 0.5)]).is_hidden


def framed(image, width, value):
    image = image.copy()
    image[:width] = image[-width:] = image[:, :width] = image[:, -width:] = value
    return image


def labelled(image, height, width, value):
    image = image.copy()
    image[21 : 21 + height, 37 : 37 + width] = value
    return image


@pytest.mark.parametrize("sigma", [3, 15, 50])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "change",
    [
        *(
            lambda image, w=width, v=value: framed(image, w, v)
            for width, value in [(2, 60), (4, 100), (8, 16), (13, 100)]
        ),
        *(lambda image, s=size: labelled(image, *s, 100) for size in [(8, 32), (16, 64), (40, 24)]),
    ],
)
def test_a_frame_or_a_label_without_noise_does_not_hide_the_noise(change, channels, sigma):
    clean = photograph("coffee")[100:228, 100:228, :channels] * 0.5 + 0.2
    noisy = stored(clean + sigma / 255 * white(clean.shape))
    found, plain = find_noise([change(noisy)]), find_noise([noisy])
    assert not found.is_hidden
    assert found.deviation == pytest.approx(plain.deviation, rel=0.12)
    assert found.sigma > 0  # what is learned from and estimated with


@pytest.mark.parametrize("factor", [2, 3])
def test_fine_texture_of_clean_pictures_is_no_noise(factor):
    """Photographs scaled down, which sharpens them: some quiet places have it strong, others weak."""
    names = ("astronaut", "coffee", "chelsea")
    small = [block_reduce(photograph(name)[:400, :400], (factor, factor, 1), np.mean) for name in names]
    assert find_noise([stored(image) for image in small]).is_hidden
    for sigma in (1.5, 2, 5):
        found = find_noise([stored(image + sigma / 255 * white(image.shape)) for image in small])
        assert not found.is_hidden
        assert found.is_even
        assert 255 * found.deviation == pytest.approx(sigma, rel=0.25)


def test_a_drawing_with_plain_places_has_no_noise():
    """Most of it is alike: what is fine elsewhere is the drawing."""
    image = np.full((256, 256, 3), 90, "uint8")
    for row in range(40, 200, 12):
        image[row : row + 7, 30:220:3] = 30
    assert find_noise([image]).is_hidden


def test_many_pictures_are_looked_at_together():
    clean = [photograph(name) for name in ("astronaut", "coffee", "chelsea")]
    found = find_noise(image + 4 / 255 * white(image.shape) for image in clean)
    assert found.deviation * 255 == pytest.approx(4, abs=0.5)
    assert found.shared == "no"


def test_pictures_of_several_bit_depths_are_looked_at_as_shares_of_white():
    clean = photograph("coffee")
    noisy = np.clip(clean + 20 / 255 * white(clean.shape), 0, 1)
    kinds = [stored(noisy), np.round(65535 * noisy).astype("uint16"), noisy]
    together = find_noise(kinds)
    assert together.deviation == pytest.approx(find_noise([kinds[0]] * 3).deviation, rel=0.02)
    assert together.clipped == pytest.approx(find_noise(kinds[:1]).clipped, abs=0.005)


def test_black_places_without_photons_do_not_hide_weak_noise():
    clean = photograph("coffee") * np.linspace(0, 1, 600)[None, :, None]
    gain = 4e-5
    found = find_noise([gain * np.random.default_rng(0).poisson(clean / gain)])
    assert found.gain == pytest.approx(gain, rel=0.7)  # and the photograph's own
    assert found.is_even


def test_too_little_to_look_at_gives_nothing():
    assert find_noise([np.zeros((40, 40, 3), "uint8")]) is None
    assert find_noise([np.zeros((4, 400, 3))]) is None
    assert find_noise([]) is None


def test_the_width_looks_at_the_axes_that_share_it():
    noise = FoundNoise(0.1, 0.1, 0.0, (0.7, 0.3, 0.05), (0.5, 0.5, 0.5), "rows", 0.0, 0.0, False)
    assert noise.width == 2
    assert "in a row (correlation 0.70, over 2 pixels)" in noise.in_words


@pytest.mark.slow
@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea", "brick"])
@pytest.mark.parametrize("sigma", [8, 25])
@pytest.mark.parametrize("share", [0.5, 1.0])
def test_offsets_of_whole_lines_are_noise_along_them(name, sigma, share):
    """As sensors leave them: an offset for each row, or column, beside the noise of each pixel."""
    clean = photograph(name)
    clean = clean if clean.ndim == 3 else clean[..., None]
    for axis, shared in ((0, "rows"), (1, "columns")):
        lines = np.random.default_rng(1).standard_normal((clean.shape[0], 1, 1) if axis == 0 else (clean.shape[1], 1))
        found = find_noise([stored(clean + sigma / 255 * (white(clean.shape) + share * lines))])
        assert (found.shared, found.width, found.is_white) == (shared, 3 if share == 1 else found.width, False)
        assert 255 * found.deviation == pytest.approx(sigma * np.hypot(1, share), rel=0.15)
        along = found.along_rows if shared == "rows" else found.along_columns
        assert along[0] == pytest.approx(share**2 / (1 + share**2), abs=0.2)
    assert find_noise([stored(clean + sigma / 255 * white(clean.shape))]).shared == "no"


@pytest.mark.parametrize("share", [0.02, 0.05, 0.3, 0.7, 0.9])
@pytest.mark.parametrize("channels", [1, 3])
def test_few_and_many_impulses_are_told(share, channels):
    clean, random = stored(photograph("coffee"))[..., :channels], np.random.default_rng(1)
    drawn = random.random(clean.shape)
    found = find_noise([np.where(drawn < share / 2, 0, np.where(drawn > 1 - share / 2, 255, clean)).astype("uint8")])
    assert found.impulses


@pytest.mark.parametrize("sigma", [0, 25, 80, 120])
@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea", "rocket"])
def test_no_normal_noise_and_no_bright_spots_are_impulses(name, sigma):
    clean = photograph(name)
    assert not find_noise([stored(clean + sigma / 255 * white(clean.shape))]).impulses


def test_a_halftone_is_called_what_it_is():
    grey = np.linspace(0.1, 0.9, 256)[:, None] * np.ones(256)
    bayer = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]]) / 16
    found = find_noise([stored((grey > np.tile(bayer, (64, 64)))[..., None])])
    assert found.clipped == 1
    assert not found.impulses
    sharpened = white((200, 200, 1)) - 0.3 * np.roll(white((200, 200, 1)), 1, axis=1)
    found = find_noise([0.5 + 0.05 * sharpened])
    assert (found.is_opposite, found.shared) == (True, "rows")
    assert "opposite in neighbours in a row (correlation -0.2" in found.in_words
    assert not find_noise([0.5 + 0.05 * along_rows((200, 200, 1), 0.5)]).is_opposite
