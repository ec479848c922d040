"""Intervals: what they are of pictures of all kinds, and that they belong to one network."""

import shutil

import numpy as np
import pytest
from network_checks import noisy_images, with_random_weights

from tf_denoise.errors import InputError
from tf_denoise.models import UNet
from tf_denoise.models.fingerprint import fingerprint
from tf_denoise.runs.loading import load_for_use
from tf_denoise.uncertainty import IntervalHead, Intervals, find_intervals


def network_of(channels=3, seed=0):
    return with_random_weights(UNet(channels, (2, 4)), seed=seed)


def head_for(network, scale=1.5, **options):
    return with_random_weights(IntervalHead(network.channels, 6, denoiser=fingerprint(network), scale=scale, **options))


@pytest.fixture(scope="module")
def colour():
    network = network_of()
    return Intervals(head_for(network), network)


def pictures(size, channels, dtype="float32", seed=0):
    """A noisy picture and a denoised one."""
    noisy, denoised = np.clip(noisy_images(2, *size, channels, seed=seed), 0, 1)
    if dtype == "float32":
        return noisy, denoised
    most = np.iinfo(dtype).max
    return tuple(np.round(most * image).astype(dtype) for image in (noisy, denoised))


def test_the_widths_are_those_of_the_head_times_the_scale(colour):
    noisy, denoised = pictures((37, 45), 3)
    expected = 1.5 * colour.head(np.concatenate([noisy, denoised], -1)[None])[0].numpy()
    below, above = colour.widths(noisy, denoised)
    np.testing.assert_allclose(below, expected[..., :3], rtol=1e-5)
    np.testing.assert_allclose(above, expected[..., 3:], rtol=1e-5)
    np.testing.assert_allclose(
        colour.half_width(noisy, denoised), (expected[..., :3] + expected[..., 3:]) / 2, rtol=1e-5
    )
    lower, upper = colour.bounds(noisy, denoised)
    np.testing.assert_allclose(lower, denoised - expected[..., :3], atol=1e-6)
    np.testing.assert_allclose(upper, denoised + expected[..., 3:], atol=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_integers_are_shares_of_white(colour, dtype):
    noisy, denoised = pictures((20, 24), 3, dtype)
    most = np.float32(np.iinfo(dtype).max)
    expected = colour.half_width(noisy / most, denoised / most)
    found = colour.half_width(noisy, denoised)
    assert found.dtype == "float32"
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_a_grey_picture_has_the_mean_of_what_the_channels_of_colour_would_have(colour):
    noisy, denoised = pictures((20, 24), 1)
    as_colour = colour.half_width(noisy.repeat(3, -1), denoised.repeat(3, -1))
    found = colour.half_width(noisy, denoised)
    np.testing.assert_allclose(found, as_colour.mean(-1, keepdims=True), rtol=1e-5)
    flat = colour.half_width(noisy[..., 0], denoised[..., 0])
    np.testing.assert_array_equal(flat, found[..., 0])


def test_a_picture_in_colour_goes_through_a_grey_head_channel_by_channel():
    network = network_of(1)
    intervals = Intervals(head_for(network), network)
    noisy, denoised = pictures((20, 24), 3)
    below, above = intervals.widths(noisy, denoised)
    for channel in range(3):
        part = slice(channel, channel + 1)
        expected = intervals.widths(noisy[..., part], denoised[..., part])
        np.testing.assert_allclose(below[..., part], expected[0], rtol=1e-5)
        np.testing.assert_allclose(above[..., part], expected[1], rtol=1e-5)


def test_a_large_picture_goes_in_tiles(colour):
    noisy, denoised = pictures((530, 700), 3)
    whole = colour.head(np.concatenate([noisy, denoised], -1)[None])[0].numpy()
    found = colour.half_width(noisy, denoised)
    np.testing.assert_allclose(found, 1.5 * (whole[..., :3] + whole[..., 3:]) / 2, atol=2e-5 * whole.max())


def test_pictures_that_do_not_fit_are_refused(colour):
    noisy, denoised = pictures((20, 24), 3)
    with pytest.raises(ValueError, match=r"have one shape, .*; received \(20, 24, 3\) and \(19, 24, 3\)"):
        colour.half_width(noisy, denoised[1:])
    with pytest.raises(ValueError, match="The network takes pictures of 3 channels; received 2"):
        colour.bounds(noisy[..., :2], denoised[..., :2])


def test_one_file_holds_all_of_them_in_half_precision(colour, tmp_path):
    network = network_of()
    record = {"coverage": [{"by": "all", "group": "all", "pictures": 36, "coverage": 0.9, "low": 0.88, "high": 0.92}]}
    path = Intervals(head_for(network, record=record), network).save(tmp_path / "head.keras")
    assert [file.name for file in tmp_path.iterdir()] == ["head.keras"]
    loaded = Intervals.load(path, network)
    assert (loaded.scale, loaded.record) == (1.5, record)
    assert loaded.in_words.endswith("those of the calibration; measured on 36 others: 90.0 % (88.0 to 92.0)")
    for one, other in zip(loaded.head.get_weights(), colour.head.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other.astype("float16").astype("float32"))
    with pytest.raises(InputError, match=r"The name of a head's file ends in \.keras; received .*head\.h5"):
        loaded.save(tmp_path / "head.h5")


def test_they_are_refused_for_another_network(colour, tmp_path):
    path = colour.save(tmp_path / "head.keras")
    other = network_of(seed=1)
    told = f"made for a network of fingerprint {colour.head.denoiser}, and this one is {fingerprint(other)}: another"
    with pytest.raises(InputError, match=told):
        Intervals.load(path, other)
    trained_on = network_of()
    weights = trained_on.get_weights()
    trained_on.set_weights([weights[0] + 1e-6, *weights[1:]])
    with pytest.raises(InputError, match=r"or trained on since\. Make new ones: python -m training\.intervals\.$"):
        Intervals.load(path, trained_on)


def test_a_head_that_is_not_calibrated_and_a_network_that_is_no_head_are_refused(tmp_path):
    network = network_of()
    with pytest.raises(InputError, match=r"The head of these intervals is not calibrated: python -m training"):
        Intervals(head_for(network, scale=None), network)
    network.save(tmp_path / "net.keras")
    with pytest.raises(InputError, match=r"is a UNet, not the head of intervals; python -m training\.intervals writes"):
        Intervals.load(tmp_path / "net.keras", network)
    (tmp_path / "cut.keras").write_bytes((tmp_path / "net.keras").read_bytes()[:500])
    with pytest.raises(InputError, match=r"cut\.keras is not a \.keras file, or is damaged"):
        Intervals.load(tmp_path / "cut.keras", network)


def test_they_are_found_beside_their_network(colour, tmp_path):
    network = network_of()
    network.save(tmp_path / "net.keras")
    loaded = load_for_use(tmp_path / "net.keras")
    assert find_intervals(loaded) is None
    colour.save(tmp_path / "net-intervals.keras")
    assert find_intervals(loaded).scale == 1.5
    shutil.copy(tmp_path / "net-intervals.keras", tmp_path / "other-intervals.keras")
    network_of(seed=1).save(tmp_path / "other.keras")
    with pytest.raises(InputError, match="The intervals were made for a network of fingerprint"):
        find_intervals(load_for_use(tmp_path / "other.keras"))


def test_a_network_in_another_data_type_is_the_same_network(colour):
    from tf_denoise.models.base import in_dtype

    assert Intervals(colour.head, in_dtype(network_of(), "mixed_bfloat16")).scale == 1.5
