"""Two shots that swap parts: still two shots, with noise as it was, and never the same ones twice."""

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings, strategies as st
from picture_files import smooth_photographs

from tf_denoise.data import CropSampler, load_folder, load_pairs
from tf_denoise.self_supervised import masked_crops, recorrupted_crops, swap_twins, twin_crops

SHAPE = (3, 60, 50, 2)
WHOLE = {"crops": (1, 2), "rows": (2,), "columns": (1,), "pixels": ()}


def shots(seed=0):
    return tuple(np.random.default_rng([seed, shot]).random(SHAPE).astype("float32") for shot in (0, 1))


@given(swap=st.sampled_from(sorted(WHOLE)), seed=st.integers(0, 99))
@settings(max_examples=12)
def test_parts_change_places_as_wholes(swap, seed):
    one, other = shots(seed)
    first, second = (part.numpy() for part in swap_twins(one, other, (seed, 1), swap))
    is_swapped = first == other
    np.testing.assert_array_equal(first, np.where(is_swapped, other, one))
    np.testing.assert_array_equal(second, np.where(is_swapped, one, other))
    coins = is_swapped.all(axis=(*WHOLE[swap], 3))
    np.testing.assert_array_equal(coins, is_swapped.any(axis=(*WHOLE[swap], 3)))
    if coins.size > 3:
        assert coins.mean() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(coins.size))


def test_the_seed_decides():
    one, other = shots()
    drawn = [swap_twins(one, other, seed, "pixels")[0].numpy() for seed in ((1, 2), (1, 2), (1, 3))]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert np.mean(drawn[0] == drawn[2]) == pytest.approx(0.5, abs=0.02)


def correlations(noise):
    """Of neighbours in a row and in a column."""
    one, other = (np.mean(noise * np.roll(noise, 1, axis)) / noise.var() for axis in (2, 1))
    return one, other


def test_noise_along_rows_stays_what_it_is_where_rows_are_swapped():
    random = np.random.default_rng(0)
    one, other = (
        scipy.signal.lfilter([1], [1, -0.7], random.standard_normal((1, 300, 300, 1)), axis=2).astype("float32")
        for _ in range(2)
    )
    for swap, along_rows in (("rows", 0.7), ("pixels", 0.35)):
        first, second = (part.numpy() for part in swap_twins(one, other, (1, 2), swap))
        assert correlations(first) == pytest.approx((along_rows, 0), abs=0.03)
        assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.03  # and that of the two is independent


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "photographs").mkdir()
    return smooth_photographs(tmp_path / "photographs", 3)


@pytest.mark.parametrize("swap", ["rows", "columns"])
def test_noise_with_a_direction_takes_crops_that_keep_it(folder, swap):
    pairs, alone = load_pairs(folder, folder), load_folder(folder)
    with pytest.raises(ValueError, match=f"^Noise along {swap} needs crops that keep its direction.*turns=4"):
        twin_crops(CropSampler(pairs, 16, 2, 0), swap=swap)
    with pytest.raises(ValueError, match=f"^Noise along {swap} needs crops that keep its direction.*turns=4"):
        masked_crops(CropSampler(alone, 16, 2, 0), along=swap)
    twins, single = (CropSampler(photographs, 16, 2, 0, turns=4) for photographs in (pairs, alone))
    for batch in (twin_crops(twins, swap=swap), masked_crops(single, along=swap)):
        assert next(iter(batch))[0].shape == (2, 16, 16, 3)


@pytest.mark.parametrize("make", [masked_crops, lambda sampler: recorrupted_crops(sampler, 0.1)])
def test_pairs_are_no_single_photographs(folder, make):
    with pytest.raises(ValueError, match=r"_crops takes a sampler of single noisy photographs, `load_folder`"):
        make(CropSampler(load_pairs(folder, folder), 16, 2, 0))


def test_what_cannot_be_swapped(folder):
    with pytest.raises(ValueError, match=r"part that twins swap is one of 'crops', 'rows', 'columns', 'pixels'"):
        swap_twins(*shots(), (0, 1), "lines")
    with pytest.raises(ValueError, match=r"part that twins swap is one of .*; received 'lines'"):
        twin_crops(CropSampler(load_pairs(folder, folder), 16, 2, 0), swap="lines")
