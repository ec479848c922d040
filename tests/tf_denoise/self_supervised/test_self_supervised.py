import keras
import numpy as np
import pytest
import scipy.signal
import skimage.data
import tensorflow as tf
from hypothesis import given, settings, strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from picture_files import smooth_photographs

from tf_denoise.data import CropSampler, load_folder, load_pairs
from tf_denoise.models import UNet
from tf_denoise.self_supervised import hide_pixels, masked_crops, recorrupt, recorrupted_crops, twin_crops

CLEAN = (skimage.data.camera()[::2, ::2] / 255).astype("float32")[None, ..., None]


def folder_of(path, count):
    path.mkdir()
    return smooth_photographs(path, count)


def noise(shape=CLEAN.shape, seed=0, sigma=0.1):
    return np.random.default_rng(seed).normal(0, sigma, shape).astype("float32")


def best_filter(noisy, target, weight=None):
    """The 3 x 3 filter that comes nearest to the target in the mean square, by the normal equations."""
    around = sliding_window_view(np.asarray(noisy, "float64")[0, ..., 0], (3, 3)).reshape(-1, 9)
    wanted = np.asarray(target, "float64")[0, 1:-1, 1:-1, 0].ravel()
    weight = np.ones(len(wanted)) if weight is None else np.asarray(weight, "float64")[0, 1:-1, 1:-1].ravel()
    return np.linalg.solve((around * weight[:, None]).T @ around, (around * weight[:, None]).T @ wanted)


@pytest.fixture
def sampler(tmp_path):
    return CropSampler(load_folder(folder_of(tmp_path / "noisy", 4)), crop_size=24, batch_size=4, seed=5)


@given(sigma=st.floats(0.01, 0.3), strength=st.floats(0.2, 2), seed=st.integers(0, 999))
@settings(max_examples=10)
def test_the_noise_of_input_and_target_is_uncorrelated_and_cancels(sigma, strength, seed):
    added = noise((1, 200, 200, 1), seed, sigma)
    one, other = (part.numpy() for part in recorrupt(0.5 + added, (seed, 1), sigma, strength=strength))
    np.testing.assert_allclose((one + strength**2 * other) / (1 + strength**2), 0.5 + added, atol=1e-5)
    assert one.var() == pytest.approx(sigma**2 * (1 + strength**2), rel=0.05)
    assert other.var() == pytest.approx(sigma**2 * (1 + strength**-2), rel=0.05)
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.025


def test_so_it_is_for_photons():
    random, gain = np.random.default_rng(0), 0.02
    light = np.full((1, 300, 300, 1), 0.4)
    noisy = (gain * random.poisson(light / gain) + 0.03 * random.standard_normal(light.shape)).astype("float32")
    one, other = (part.numpy() for part in recorrupt(noisy, (3, 4), 0.03, gain))
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.015
    assert other.mean() == pytest.approx(0.4, abs=0.005)


def test_noise_that_channels_share_is_added_as_they_share_it():
    noisy = np.zeros((1, 200, 200, 3), "float32")
    for correlation in (0.0, 0.6, 1.0):
        one, _ = recorrupt(noisy, (1, 2), 0.1, between_channels=correlation)
        found = np.corrcoef(one.numpy().reshape(-1, 3), rowvar=False)[0, 1]
        assert found == pytest.approx(correlation, abs=0.02)
        assert one.numpy().std() == pytest.approx(0.05, rel=0.02)


def test_two_copies_of_a_crop_get_the_same_noise_with_opposite_signs(tmp_path):
    photographs = load_folder(folder_of(tmp_path / "noisy", 4))
    sampler = CropSampler(photographs, crop_size=24, batch_size=5, seed=5, copies=2)
    crops = sampler.batch(7)
    np.testing.assert_array_equal(crops[0:4:2], crops[1:4:2])
    assert np.abs(crops[0] - crops[2]).max() > 0
    one, other = (part.numpy() for part in next(iter(recorrupted_crops(sampler, 0.1, start_step=7))))
    np.testing.assert_allclose((one[0:4:2] + one[1:4:2]) / 2, crops[0:4:2], atol=1e-6)
    np.testing.assert_allclose((other[0:4:2] + other[1:4:2]) / 2, crops[0:4:2], atol=1e-6)
    np.testing.assert_allclose(one + 0.25 * other, 1.25 * crops, atol=1e-6)
    assert (one - crops)[::2].std() == pytest.approx(0.05, rel=0.1)
    alone = CropSampler(photographs, crop_size=24, batch_size=5, seed=5)
    plain, _ = next(iter(recorrupted_crops(alone, 0.1, start_step=7)))
    np.testing.assert_allclose((one - crops)[::2], (plain - alone.batch(7))[::2], atol=1e-6)


def test_the_best_filter_is_that_of_clean_targets():
    noisy = CLEAN + noise()
    one, other = recorrupt(noisy, (1, 2), 0.1)
    expected = best_filter(one, CLEAN)
    np.testing.assert_allclose(best_filter(one, other), expected, atol=0.02)
    twice = np.repeat(noisy[:1], 2, axis=0)
    one, other = recorrupt(twice, (1, 2), 0.1, mirrored=True)
    np.testing.assert_allclose(best_filter(one, other), best_filter(one, np.repeat(CLEAN[:1], 2, axis=0)), atol=0.02)
    np.testing.assert_allclose(best_filter(noisy, CLEAN + noise(seed=1)), best_filter(noisy, CLEAN), atol=0.02)
    assert np.abs(best_filter(noisy, noisy) - best_filter(noisy, CLEAN)).max() > 0.5  # which a copy would be


@pytest.mark.parametrize("replacement", ["neighbour", "median"])
def test_the_best_filter_for_hidden_pixels_is_that_of_clean_targets(replacement):
    noisy = CLEAN + noise()
    hidden, weight = hide_pixels(noisy, (1, 2), share=0.1, replacement=replacement)
    found, expected = best_filter(hidden, noisy, weight), best_filter(hidden, CLEAN, weight)
    around = sliding_window_view(hidden.numpy()[0, ..., 0], (3, 3)).reshape(-1, 9)
    around = around[weight.numpy()[0, 1:-1, 1:-1].ravel() > 0]  # where the network is asked
    assert np.sqrt(np.mean((around @ (found - expected)) ** 2)) < 0.01  # a tenth of the noise
    assert np.abs(best_filter(noisy, noisy) - found).max() > 0.5


def test_hidden_pixels_come_from_around_them_and_the_others_stay():
    places = np.arange(40 * 50, dtype="float32").reshape(1, 40, 50, 1)
    hidden, weight = (part.numpy() for part in hide_pixels(places, (1, 2), share=0.2))
    is_asked = weight[0] > 0
    assert is_asked.mean() == pytest.approx(0.2, abs=0.03)
    np.testing.assert_allclose(weight[0][is_asked], 5)
    np.testing.assert_array_equal(hidden[0, ..., 0][~is_asked], places[0, ..., 0][~is_asked])
    down, right = np.divmod(hidden[0, ..., 0], 50)
    rows, columns = np.mgrid[:40, :50]
    inside = is_asked & (rows > 1) & (rows < 38) & (columns > 1) & (columns < 48)
    steps = np.stack([down - rows, right - columns], -1)[inside]
    assert set(map(tuple, steps.astype(int))) == {(i, j) for i in range(-2, 3) for j in range(-2, 3)} - {(0, 0)}


def turned(images, along):
    """With rows for columns."""
    images = np.asarray(images)
    return images if along == "rows" else np.swapaxes(images, 1, 2)


@pytest.mark.parametrize(("along", "share"), [(None, 0.4), ("rows", 0.2)])
def test_two_in_five_pixels_and_one_in_five_lines_are_hidden(along, share):
    _, weight = hide_pixels(noise((8, 128, 128, 1)), (1, 2), along=along)
    assert (weight.numpy() > 0).mean() == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize("along", ["rows", "columns"])
def test_lines_that_share_the_noise_are_hidden_whole_behind_others(along):
    places = np.arange(2 * 90 * 60, dtype="float32").reshape(2, 90, 60, 1)
    hidden, weight = hide_pixels(turned(places, along), (1, 2), share=0.3, along=along)
    hidden, weight = turned(hidden, along)[..., 0], turned(weight, along)
    is_hidden = weight[:, :, 0] > 0
    np.testing.assert_allclose(weight, np.where(is_hidden, 1 / 0.3, 0)[..., None].repeat(60, -1), rtol=1e-6)
    assert is_hidden.mean() == pytest.approx(0.3, abs=0.1)
    np.testing.assert_array_equal(hidden[~is_hidden], places[..., 0][~is_hidden])
    away, moves = set(), set()
    for image, line in np.argwhere(is_hidden):
        from_where, column = np.divmod(hidden[image, line].astype(int), 60)
        (from_where,) = set(from_where - 90 * image)  # a line of the same image, whole
        (move,) = set((np.arange(60) - column + 30) % 60 - 30)
        away.add(from_where - line)
        moves.add(move)
    assert away == {-4, -3, -2, -1, 1, 2, 3, 4}
    assert moves == {-2, -1, 0, 1, 2}


@pytest.mark.parametrize("along", ["rows", "columns"])
def test_the_best_filter_for_hidden_lines_is_that_of_clean_targets(along):
    """Also where noise is shared along them, which pixels that are hidden one by one give away."""
    random = np.random.default_rng(0)
    shared = scipy.signal.lfilter([0.1], [1, -0.7], random.standard_normal(CLEAN.shape), axis=2).astype("float32")
    clean, noisy = turned(CLEAN, along), turned(CLEAN + shared, along)
    hidden, weight = hide_pixels(noisy, (1, 2), share=0.3, along=along)
    around = sliding_window_view(hidden.numpy()[0, ..., 0], (3, 3)).reshape(-1, 9)
    around = around[weight.numpy()[0, 1:-1, 1:-1].ravel() > 0]
    found, expected = best_filter(hidden, noisy, weight), best_filter(hidden, clean, weight)
    lines_off = np.sqrt(np.mean((around @ (found - expected)) ** 2))
    hidden, weight = hide_pixels(noisy, (1, 2), share=0.1)
    found, expected = best_filter(hidden, noisy, weight), best_filter(hidden, clean, weight)
    assert lines_off < 0.015 < np.sqrt(np.mean((around @ (found - expected)) ** 2)) / 2


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (1, 2, 3, 1), (2, 3, 1, 3)])
def test_the_smallest_images_have_lines_too(shape):
    image = np.random.default_rng(0).random(shape).astype("float32")
    for along in ("rows", "columns"):
        hidden, weight = hide_pixels(image, (1, 2), share=0.9, along=along)
        assert hidden.shape == shape
        assert weight.shape == shape[:3]
        assert np.isin(hidden, image).all()


def test_the_median_is_that_of_the_eight_around():
    image = np.random.default_rng(0).random((1, 9, 9, 2)).astype("float32")
    hidden, weight = (part.numpy() for part in hide_pixels(image, (1, 2), share=0.5, replacement="median"))
    for row, column in np.argwhere(weight[0, 1:-1, 1:-1] > 0) + 1:
        around = image[0, row - 1 : row + 2, column - 1 : column + 2].reshape(9, 2)
        expected = np.median(np.delete(around, 4, axis=0), axis=0)
        np.testing.assert_allclose(hidden[0, row, column], expected, rtol=1e-6)


def test_twins_take_turns(tmp_path):
    folder = folder_of(tmp_path / "one", 3)
    other = folder_of(tmp_path / "other", 3)
    for path in other.iterdir():  # the other shot is darker, so that they can be told apart
        image = keras.utils.img_to_array(keras.utils.load_img(path)) // 2
        keras.utils.save_img(path, image, scale=False)
    sampler = CropSampler(load_pairs(folder, other), crop_size=16, batch_size=64, seed=2)
    one, two = next(iter(twin_crops(sampler)))
    ratio = one.numpy().mean(axis=(1, 2, 3)) / two.numpy().mean(axis=(1, 2, 3))
    assert set(np.round(np.log2(ratio)).astype(int)) == {-1, 1}
    assert np.mean(ratio > 1) == pytest.approx(0.5, abs=0.2)
    with pytest.raises(ValueError, match="twin_crops takes a sampler of twins"):
        twin_crops(CropSampler(load_folder(folder), crop_size=16, batch_size=2, seed=2))


@pytest.mark.parametrize(
    "make", [lambda s, **at: recorrupted_crops(s, 0.1, **at), lambda s, **at: masked_crops(s, share=0.1, **at)]
)
def test_a_network_learns_in_fit_and_goes_on_where_it_was(make, sampler):
    batches = list(make(sampler).take(4))
    for part, again in zip(batches[3], next(iter(make(sampler, start_step=3))), strict=True):
        np.testing.assert_array_equal(part, again)
    assert np.abs(batches[0][0] - batches[1][0]).max() > 0
    keras.utils.set_random_seed(0)
    model = UNet(widths=(4, 8))
    model.compile("sgd", "mse")
    batch = batches[0]
    expected = np.mean((model(batch[0]).numpy() - batch[1].numpy()) ** 2, axis=-1)
    if len(batch) == 3:
        expected = expected * batch[2].numpy()
    found = model.fit(tf.data.Dataset.from_tensors(batch), steps_per_epoch=1, verbose=0).history["loss"]
    assert found[0] == pytest.approx(expected.mean(), rel=1e-4)


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (recorrupt, {"sigma": 0}, "`sigma` and `gain` are 0 or more, and not both 0"),
        (recorrupt, {"sigma": 0.1, "strength": 0}, "`strength` is a number above 0; received 0"),
        (recorrupt, {"sigma": 0.1, "between_channels": 2}, "`between_channels` is a correlation from 0 to 1"),
        (hide_pixels, {"share": 0}, "`share` of the pixels lies between 0 and 1; received 0"),
        (hide_pixels, {"share": 1.0}, "`share` of the pixels lies between 0 and 1"),
        (hide_pixels, {"along": "diagonals"}, "axis that noise is shared along"),
        (
            hide_pixels,
            {"along": "rows", "replacement": "median"},
            "A line is replaced by a neighbour; received 'median'",
        ),
        (hide_pixels, {"replacement": "zero"}, "replacement of a hidden pixel"),
    ],
)
def test_bad_arguments_are_refused(function, options, message):
    with pytest.raises(ValueError, match=message):
        function(CLEAN, (1, 2), **options)
    valid = {"sigma": 0.1} if function is recorrupt else {}
    with pytest.raises(ValueError, match=f"{function.__name__} takes floating-point images"):
        function(np.zeros((1, 8, 8, 1), "uint8"), (1, 2), **valid)


@pytest.mark.parametrize("along", ["rows", "columns"])
def test_noise_with_a_direction_takes_crops_that_keep_it(tmp_path, along):
    photographs = load_folder(folder_of(tmp_path / "noisy", 3))
    with pytest.raises(ValueError, match=f"^Noise along {along} needs crops that keep its direction.*turns=4"):
        masked_crops(CropSampler(photographs, 16, 2, 0), along=along)
    flipped = CropSampler(photographs, 16, 2, 0, turns=4)
    assert next(iter(masked_crops(flipped, along=along)))[0].shape == (2, 16, 16, 3)


@pytest.mark.parametrize("make", [masked_crops, lambda sampler: recorrupted_crops(sampler, 0.1)])
def test_pairs_are_no_single_photographs(tmp_path, make):
    folder = folder_of(tmp_path / "noisy", 3)
    with pytest.raises(ValueError, match=r"_crops takes a sampler of single noisy photographs, `load_folder`"):
        make(CropSampler(load_pairs(folder, folder), 16, 2, 0))
