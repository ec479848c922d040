import dataclasses
import os
import shutil

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings, strategies as st
from picture_files import BAD, cut, noise, photograph, png
from PIL import Image

from tf_denoise.data import CropSampler, crop_batches, embedded_photographs, load_folder, load_pairs, split
from tf_denoise.data.crops import DecodedCache, PhotographPool
from tf_denoise.data.photographs import scaled_down
from tf_denoise.errors import InputError
from tf_denoise.pictures.files import PictureError, to_unit

EIGHT = [(t, v, h) for t in (False, True) for v in (False, True) for h in (False, True)]


def turned(image, transpose, vertical, horizontal):
    image = image.swapaxes(0, 1) if transpose else image
    image = np.flipud(image) if vertical else image
    return np.fliplr(image) if horizontal else image


@pytest.fixture
def folder(tmp_path):
    """Twenty smooth photographs in colour, in two folders and four formats."""
    for i in range(20):
        suffix = (".png", ".jpg", ".bmp", ".tif")[i % 4]
        photograph(tmp_path / "photos" / f"{'ab'[i % 2]}" / f"{i:02}{suffix}", 40 + i, 64 - i, seed=i)
    return tmp_path / "photos"


def places_of(crop, image):
    """Where a crop stands in an image, and how it was turned."""
    found = []
    for turn in EIGHT:
        back = crop
        # the inverse of a turn: its flips first, then its transposition
        back = turned(back, False, turn[1], turn[2])
        back = turned(back, turn[0], False, False)
        windows = np.lib.stride_tricks.sliding_window_view(image, back.shape).reshape(
            image.shape[0] - back.shape[0] + 1, -1, *back.shape
        )
        rows, columns = np.nonzero((windows == back).all(axis=(2, 3, 4)))
        found += [(int(row), int(column), turn) for row, column in zip(rows, columns, strict=True)]
    return found


def test_a_folder_is_known_by_headers_and_in_order(folder):
    photographs = load_folder(folder)
    assert len(photographs) == 20
    assert photographs.names == sorted(photographs.names)
    assert photographs.names[0] == "a/00.png"
    assert (photographs.channels, photographs.paired, photographs.rejected) == (3, False, {})
    assert photographs.description == "20 photographs from photos"
    image = photographs.photograph(0)
    expected = np.asarray(Image.open(folder / "a/00.png"), "float32") / 255
    np.testing.assert_allclose(image, expected, atol=1e-7)
    assert image.dtype == "float32"


def test_channels_are_decided_once(tmp_path):
    for i in range(3):
        photograph(tmp_path / f"{i}.png", channels=1, seed=i)
    assert load_folder(tmp_path).photograph(0).shape == (64, 48, 1)
    assert load_folder(tmp_path, channels=3).photograph(0).shape == (64, 48, 3)
    photograph(tmp_path / "colour.png")
    mixed = load_folder(tmp_path)
    assert mixed.channels == 3
    assert np.ptp(mixed.photograph(0), axis=-1).max() == 0
    assert load_folder(tmp_path, channels=1).photograph(3).shape == (64, 48, 1)
    with pytest.raises(InputError, match=r"1 channel \(grey\) or 3 \(colour\); received channels=4"):
        load_folder(tmp_path, channels=4)


def test_a_few_bad_files_are_left_out_with_the_reason(folder):
    (folder / "empty.png").touch()
    photograph(folder / "tiny.png", 8, 30)
    photographs = load_folder(folder)
    assert len(photographs) == 20
    assert photographs.rejected == {
        "empty.png": "is empty (0 bytes)",
        "tiny.png": "is tiny, 30 x 8 pixels; expected at least 16 x 16",
    }


def test_more_than_a_tenth_of_bad_files_is_refused(folder):
    for i in range(3):
        cut(photograph(folder / f"cut{i}.jpg"))
    with pytest.raises(
        InputError, match=r"^Only 20 of the 23 photographs in .*at most a tenth may fail: cut0\.jpg is (dam|tr)"
    ):
        load_folder(folder)


@pytest.mark.parametrize("name", sorted(BAD.keys() - {"pages"}))  # whose planes are photographs
def test_a_folder_of_nothing_but_a_bad_file_is_refused(name, tmp_path):
    BAD[name][0](tmp_path)
    sentence = r"holds no picture" if name == "missing" else r"^None of the 1 photograph in .* can be trained on"
    with pytest.raises(InputError, match=sentence):
        load_folder(tmp_path)


def test_what_is_no_folder_of_photographs_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"nowhere does not exist; expected a folder of photographs"):
        load_folder(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"a\.png is a file; expected a folder"):
        load_folder(photograph(tmp_path / "a.png"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty holds no picture; expected files that end in \.png, \.jpg"):
        load_folder(tmp_path / "empty")


def test_the_embedded_photographs_are_there_and_split_for_good():
    photographs = embedded_photographs()
    train, validation, test = split(photographs, seed=3)
    assert len(photographs) == len(train) + len(validation) + len(test) == 12
    textures = {"brick.png", "grass.png", "gravel.png"}
    for part in (train, validation, test):
        assert len(textures & set(part.names)) == 1
        assert len(part) > 1
    assert split(photographs, seed=4).test.names == test.names
    for i in range(12):
        image = photographs.photograph(i)
        assert image.shape[2] == 3
        assert 0 <= image.min() < image.max() <= 1


@settings(max_examples=25)
@given(count=st.integers(3, 60), seed=st.integers(0, 10**6), shares=st.tuples(st.floats(0, 0.4), st.floats(0, 0.4)))
def test_a_split_deals_every_photograph_to_one_part(count, seed, shares, tmp_path_factory):
    whole = load_folder(one_photograph(tmp_path_factory)).subset([0] * count)
    whole.members = tuple(dataclasses.replace(whole.members[0], name=str(number)) for number in range(count))
    if sum(max(1, round(share * count)) if share else 0 for share in shares) >= count:
        with pytest.raises(InputError, match="cannot be split"):
            split(whole, seed, *shares)
        return
    parts = split(whole, seed, *shares)
    assert sorted(int(name) for part in parts for name in part.names) == list(range(count))
    assert [len(part) for part in parts[1:]] == [max(1, round(share * count)) if share else 0 for share in shares]
    again = split(whole, seed, *shares)
    assert [part.members for part in again] == [part.members for part in parts]


def one_photograph(factory):
    folder = factory.getbasetemp() / "one"
    if not folder.exists():
        photograph(folder / "a.png", 20, 20)
    return folder


def test_splits_differ_with_the_seed_and_refuse_too_few(folder):
    photographs = load_folder(folder)
    assert len({tuple(split(photographs, seed).test.names) for seed in range(8)}) > 4
    with pytest.raises(InputError, match=r"^2 photographs cannot be split .* expected at least 3; add photographs"):
        split(photographs.subset([0, 1]), 0)
    with pytest.raises(ValueError, match=r"fractions that leave some to train on; received 0\.5 and 0\.5"):
        split(photographs, 0, 0.5, 0.5)


def test_the_fingerprint_knows_files_and_sizes(folder):
    first = load_folder(folder).fingerprint()
    assert load_folder(folder).fingerprint() == first
    (folder / "a/00.png").rename(folder / "a/99.png")
    renamed = load_folder(folder).fingerprint()
    assert renamed != first
    photograph(folder / "a/99.png", 41, 64)
    assert load_folder(folder).fingerprint() not in (first, renamed)


def pair_folders(root, names=("1_raw.png|1_noised.jpg", "sub/2_raw.jpg|sub/2_noised.jpg", "3.png|3.png")):
    for i, (clean, noisy) in enumerate(name.split("|") for name in names):
        photograph(root / "tiles" / clean, 30, 40, seed=i)
        photograph(root / "tiles-gaussian" / noisy, 30, 40, seed=100 + i)
    return root / "tiles", root / "tiles-gaussian"


def test_pairs_are_matched_by_name(tmp_path):
    pairs = load_pairs(*pair_folders(tmp_path))
    assert pairs.paired
    assert [(m.name, m.noisy_path.name) for m in pairs.members] == [
        ("1_raw.png", "1_noised.jpg"),
        ("3.png", "3.png"),
        ("sub/2_raw.jpg", "2_noised.jpg"),
    ]
    noisy, clean = pairs.photograph(0)
    np.testing.assert_array_equal(clean, to_unit(np.asarray(Image.open(tmp_path / "tiles/1_raw.png"))))
    np.testing.assert_array_equal(noisy, to_unit(np.asarray(Image.open(tmp_path / "tiles-gaussian/1_noised.jpg"))))


def test_both_versions_may_lie_in_one_folder(tmp_path):
    for name in ("1_raw.jpg", "1_noised.jpg", "2_raw.jpg", "2_noised.jpg"):
        photograph(tmp_path / name)
    assert load_pairs(tmp_path, tmp_path).names == ["1_raw.jpg", "2_raw.jpg"]


def test_pairs_without_a_partner_or_of_another_size_are_refused(tmp_path):
    clean, noisy = pair_folders(tmp_path)
    photograph(clean / "4_raw.png", 30, 40)
    with pytest.raises(
        InputError, match=r"4_raw\.png has no partner: expected one file of the same name .*NAME_noised"
    ):
        load_pairs(clean, noisy)
    photograph(noisy / "4_noised.png", 30, 41)
    with pytest.raises(
        InputError, match=r"4_raw\.png is 40 x 30 pixels and its partner .*4_noised\.png 41 x 30; the two"
    ):
        load_pairs(clean, noisy)
    photograph(noisy / "4_noised.png", 30, 40)
    photograph(noisy / "4.jpg", 30, 40)
    with pytest.raises(InputError, match=r"4\.jpg and 4_noised\.png lie in one folder and could each be"):
        load_pairs(clean, noisy)


def test_a_pair_with_a_bad_file_is_left_out(tmp_path):
    clean, noisy = pair_folders(tmp_path, [f"{i}.png|{i}.png" for i in range(20)])
    cut(noisy / "7.png")
    pairs = load_pairs(clean, noisy)
    assert len(pairs) == 19
    assert list(pairs.rejected) == ["tiles-gaussian/7.png"]
    for i in range(3):
        cut(clean / f"{i}.png")
    with pytest.raises(InputError, match=r"^Only 16 of the 20 photographs .*: 0\.png is truncated"):
        load_pairs(clean, noisy)


@pytest.mark.parametrize("count", [8, 4])
def test_crops_come_from_the_photographs_in_all_flips_and_turns(tmp_path, count):
    for i in range(3):
        Image.fromarray(noise(30 + i, 26, 3, seed=i)).save(tmp_path / f"{i}.png")
    png(tmp_path / "deep.png", noise(28, 40, 3, "uint16", seed=9), 2, bits=16)
    photographs = load_folder(tmp_path)
    sampler = CropSampler(photographs, crop_size=7, batch_size=24, seed=1, turns=count)
    images = [photographs.photograph(i) for i in range(4)]
    turns, sources, rows = [], [], []
    for crop in np.concatenate([sampler.batch(step) for step in range(2)]):
        [(source, (row, column, turn))] = [(i, p) for i, image in enumerate(images) for p in places_of(crop, image)]
        turns.append(turn)
        sources.append(source)
        rows.append((row, column))
    assert set(sources) == {0, 1, 2, 3}
    assert len(set(turns)) == count
    if count == 4:
        assert {turn[0] for turn in turns} == {False}  # rows stay rows
    assert len(set(rows)) > 40


def test_a_batch_is_a_pure_function_of_seed_and_step(folder):
    photographs = load_folder(folder)
    make = lambda seed, budget=2**20: CropSampler(photographs, 16, 5, seed, budget_bytes=budget)  # noqa: E731
    for budget in (2**20, 30_000):  # all in memory, and a sliding pool
        forth, back = make(3, budget), make(3, budget)
        batches = {step: forth.batch(step) for step in (0, 1, 7, 400)}
        for step in reversed(batches):
            np.testing.assert_array_equal(back.batch(step), batches[step])
        assert batches[0].dtype == "float32"
        assert batches[0].shape == (5, 16, 16, 3)
        assert len({batch.tobytes() for batch in [*batches.values(), make(4, budget).batch(0)]}) == 5


def test_pairs_are_cut_at_the_same_place_and_turned_alike(tmp_path):
    for i in range(4):
        pixels = noise(24, 30, 3, seed=i) // 2
        (tmp_path / "clean").mkdir(exist_ok=True)
        (tmp_path / "noisy").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "clean" / f"{i}.png")
        Image.fromarray(pixels + 100).save(tmp_path / "noisy" / f"{i}.png")
    sampler = CropSampler(load_pairs(tmp_path / "clean", tmp_path / "noisy"), 9, 16, seed=0)
    noisy, clean = sampler.batch(2)
    np.testing.assert_allclose(noisy, clean + 100 / 255, atol=1e-6)
    (noisy_too, clean_too), step = next(iter(crop_batches(sampler, 2)))
    assert int(step) == 2
    np.testing.assert_array_equal(noisy, noisy_too)
    np.testing.assert_array_equal(clean, clean_too)


def test_the_dataset_goes_on_where_another_one_stopped(folder):
    sampler = CropSampler(load_folder(folder), 16, 4, seed=2)
    batches = crop_batches(sampler)
    assert batches.element_spec == (tf.TensorSpec((4, 16, 16, 3)), tf.TensorSpec((), tf.int64))
    first = list(batches.take(6).as_numpy_iterator())
    again = list(crop_batches(sampler, 4).take(2).as_numpy_iterator())
    for (crops, step), (same, same_step) in zip(first[4:], again, strict=True):
        assert step == same_step
        np.testing.assert_array_equal(crops, same)
    np.testing.assert_array_equal(first[3][0], sampler.batch(3))


def test_small_photographs_are_left_out_of_the_crops(folder):
    photographs = load_folder(folder)
    sampler = CropSampler(photographs, crop_size=50, batch_size=2, seed=0)
    assert 0 < len(sampler.photographs) < 20
    assert all("is smaller than a crop of 50 x 50 pixels" in reason for reason in sampler.rejected.values())
    assert len(sampler.rejected) == 20 - len(sampler.photographs)
    assert photographs.rejected == {}
    with pytest.raises(
        InputError, match=r"as large as a crop of 96 x 96 pixels: the largest has a shorter side of 5\d"
    ):
        CropSampler(load_folder(folder), 96, 2, 0)
    with pytest.raises(ValueError, match=r"batch_size and copies of 1 or more.*batch_size=0"):
        CropSampler(photographs, 16, 0, 0)
    with pytest.raises(ValueError, match=r"copies of 1 or more.*copies=0"):
        CropSampler(photographs, 16, 2, 0, copies=0)
    with pytest.raises(ValueError, match=r"^The number of turns is one of 8, 4; received 2"):
        CropSampler(photographs, 16, 2, 0, turns=2)


def test_a_photograph_that_fails_gives_its_place_to_the_next_one(folder, tmp_path):
    photographs = load_folder(folder)
    whole = CropSampler(photographs, 16, 64, seed=5)
    drawn = whole.pool.draw(0, np.random.default_rng([5, 1, 0]).random((64, 3))[:, 0])
    name = photographs.names[drawn[0]]
    cut(photographs.members[drawn[0]].path)
    before, after = whole.batch(0), CropSampler(photographs, 16, 64, seed=5).batch(0)
    assert list(whole.rejected) == [name]
    assert "truncated" in whole.rejected[name]
    assert photographs.rejected == {}  # it is the caller's
    np.testing.assert_array_equal(before, after)
    shutil.rmtree(folder)
    fresh = CropSampler(load_folder(one_photo(tmp_path)), 16, 2, seed=0)
    shutil.rmtree(tmp_path / "one")
    with pytest.raises(InputError, match="No photograph can be decoded: all of them are damaged"):
        fresh.batch(0)


def one_photo(tmp_path):
    photograph(tmp_path / "one" / "a.png")
    return tmp_path / "one"


def test_a_changed_photograph_is_refused(tmp_path):
    photographs = load_folder(one_photo(tmp_path))
    photograph(tmp_path / "one" / "a.png", 30, 30)
    with pytest.raises(PictureError, match=r"a\.png has changed: its shape is \(30, 30, 3\) and was \(64, 48, 3\)"):
        photographs.stored(0)


@settings(max_examples=60)
@given(
    areas=st.lists(st.integers(1, 50), min_size=1, max_size=30),
    share=st.floats(0, 1.2),
    start=st.integers(0, 5000),
    seed=st.integers(0, 99),
)
def test_the_pool_fits_its_window_and_is_a_pure_function(areas, share, start, seed):
    total = sum(areas)
    pool = PhotographPool(areas, share * total, seed)
    fractions = np.linspace(0, 1, 400, endpoint=False)
    drawn = pool.draw(start, fractions)
    # What is drawn from lies in the window, the two at its ends perhaps in part.
    assert sum(areas[index] for index in set(drawn)) <= pool.window + 2 * max(areas)
    pool.draw(start + 10 * total, fractions)
    assert pool.draw(start, fractions) == drawn == PhotographPool(areas, share * total, seed).draw(start, fractions)
    if pool.window == total:
        assert pool.draw(0, fractions) == drawn
        counts = np.bincount(drawn, minlength=len(areas)) * total / 400
        np.testing.assert_allclose(counts, areas, atol=2 * total / 400)


@settings(max_examples=20)
@given(areas=st.lists(st.integers(1, 20), min_size=2, max_size=12), share=st.floats(0, 0.9), seed=st.integers(0, 99))
def test_every_pixel_has_its_turn_as_often_as_any_other(areas, share, seed):
    pool = PhotographPool(areas, share * sum(areas), seed)
    passes = 3
    points = [pool.draw(start, [0.5])[0] for start in range(passes * pool.total)]
    # The middle of the window runs over the line once: each pass holds each photograph as long as its area is.
    counts = np.bincount(points, minlength=len(areas))
    np.testing.assert_allclose(counts, passes * np.array(areas), atol=2 * max(areas))


@settings(max_examples=40)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=12), budget=st.integers(0, 150), seed=st.integers(0, 999)
)
def test_the_cache_keeps_to_its_budget(sizes, budget, seed):
    decoded = []

    def decode(index):
        decoded.append(index)
        return (np.full(sizes[index], index, "uint8"),)

    cache = DecodedCache(decode, budget)
    for index in np.random.default_rng(seed).integers(0, len(sizes), 60):
        assert cache[index][0].tolist() == [index] * sizes[index]
        assert cache.held_bytes <= max(budget, sizes[index])
    assert cache.decodes == len(decoded)
    if budget >= sum(sizes):
        assert len(decoded) == len(set(decoded))


def test_more_photographs_than_memory_are_decoded_seldom(tmp_path):
    for i in range(60):
        photograph(tmp_path / f"{i:02}.png", 48, 40, seed=i)
    photographs = load_folder(tmp_path)
    one = 48 * 40 * 3
    budget = 12 * one
    sampler = CropSampler(photographs, 16, 8, seed=0, budget_bytes=budget, reuse=4)
    passes, steps = 3, 0
    crops_per_pass = 60 * 48 * 40 * 4 / 16**2
    seen = []
    decode = sampler.cache._decode
    sampler.cache._decode = lambda index: seen.append(index) or decode(index)
    while steps * 8 < passes * crops_per_pass:
        sampler.batch(steps)
        steps += 1
        assert sampler.cache.held_bytes <= budget
    # Each is decoded once a pass, save a few that are met again at the end of the window.
    assert sampler.cache.decodes == len(seen) <= passes * 60 * 1.15 + 12
    assert set(seen) == set(range(60))
    everything = CropSampler(photographs, 16, 8, seed=0, budget_bytes=60 * one)
    for step in range(60):
        everything.batch(step)
    assert everything.cache.decodes == 60
    assert everything.cache.held_bytes == 60 * one


def test_pictures_larger_than_the_budget_are_held_one_at_a_time(tmp_path):
    for i in range(4):
        photograph(tmp_path / f"{i}.png", seed=i)
    sampler = CropSampler(load_folder(tmp_path), 16, 4, seed=0, budget_bytes=10)
    for step in range(30):
        sampler.batch(step)
        assert sampler.cache.held_bytes == 64 * 48 * 3
    assert sampler.cache.decodes < 30


def test_names_of_any_bytes_and_linked_folders_are_taken(tmp_path):
    photograph(tmp_path / "away" / "b.png")
    photograph(tmp_path / "in" / os.fsdecode(b"caf\xe9.png"))
    (tmp_path / "in" / "linked").symlink_to(tmp_path / "away")
    photographs = load_folder(tmp_path / "in")
    assert photographs.names == ["caf\\xe9.png", "linked/b.png"]
    "".join(photographs.names).encode()
    assert photographs.photograph(0).shape == (64, 48, 3)
    assert len(photographs.fingerprint()) == 16
    pairs = load_pairs(tmp_path / "in", tmp_path / "in")
    assert pairs.names == photographs.names


@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    factor=st.integers(1, 5),
    dtype=st.sampled_from(["uint8", "uint16", "float32"]),
)
@settings(max_examples=40)
def test_scaling_down_takes_the_mean_of_squares(height, width, factor, dtype):
    top = 1 if dtype == "float32" else np.iinfo(dtype).max
    image = (np.random.default_rng(height).random((height * factor, width * factor, 3)) * top).astype(dtype)
    found = scaled_down(image, factor)
    expected = means_of_squares(image.astype("float64"), factor)
    assert found.dtype == dtype
    assert found.shape == (height, width, 3)
    np.testing.assert_allclose(found, expected, atol=1e-6 if dtype == "float32" else 0.51)
    ragged = np.pad(image, ((0, factor - 1), (0, factor - 1), (0, 0)), constant_values=top)
    np.testing.assert_array_equal(scaled_down(ragged, factor), found)


def means_of_squares(image, factor):
    """The mean of squares as scikit-image has it."""
    from skimage.measure import block_reduce

    return block_reduce(image, (factor, factor, 1), np.mean)


def test_large_photographs_are_scaled_down_by_a_whole_number_while_they_are_read(tmp_path):
    for name, height, width in (("a", 100, 310), ("b", 60, 100), ("c", 20, 3200)):
        photograph(tmp_path / f"{name}.png", height, width, seed=1)
    photographs = load_folder(tmp_path, longest_side=128)
    assert [member.size for member in photographs.members] == [(33, 103), (60, 100), (20, 3200)]
    assert [member.factor for member in photographs.members] == [3, 1, 1]  # the shorter side stays at 16 or more
    whole = load_folder(tmp_path)
    expected = means_of_squares(whole.stored(0)[0].astype("float64")[:99, :309], 3)
    np.testing.assert_allclose(photographs.stored(0)[0], expected, atol=0.51)
    assert photographs.photograph(0).shape == (33, 103, 3)
    assert photographs.fingerprint() != whole.fingerprint()
    assert CropSampler(photographs, 33, 4, seed=0).batch(0).shape == (4, 33, 33, 3)
    with pytest.raises(InputError, match="the largest has a shorter side of 60"):
        CropSampler(photographs, 64, 4, seed=0)


@pytest.mark.parametrize("value", [0, 255, 90])
def test_flat_and_clipped_places_are_drawn_less(tmp_path, value):
    """Half of the picture teaches little: of three tries that all fail, one crop in eight comes from there."""
    pixels = np.random.default_rng(0).integers(40, 200, (64, 400, 3)).astype("uint8")
    pixels[:, :200] = value
    Image.fromarray(pixels).save(tmp_path / "half.png")
    sampler = CropSampler(load_folder(tmp_path), 16, 50, seed=0)
    crops = np.concatenate([sampler.batch(step) for step in range(20)])
    is_flat = (crops == np.float32(value / 255)).mean(axis=(1, 2, 3)) > 0.5
    assert 0.06 < is_flat.mean() < 0.19
    np.testing.assert_array_equal(sampler.batch(7), CropSampler(load_folder(tmp_path), 16, 50, seed=0).batch(7))


def test_a_share_of_the_crops_is_made_grey(folder):
    options = {"crop_size": 16, "batch_size": 40, "seed": 3}
    plain, grey = (CropSampler(load_folder(folder), **options, grey=share) for share in (0.0, 0.3))
    crops = np.concatenate([grey.batch(step) for step in range(10)])
    is_grey = np.ptp(crops, axis=-1).max(axis=(1, 2)) == 0
    assert 0.2 < is_grey.mean() < 0.4
    before = np.concatenate([plain.batch(step) for step in range(10)])
    np.testing.assert_array_equal(crops[~is_grey], before[~is_grey])
    for crop, colour in zip(crops[is_grey], before[is_grey], strict=True):
        luma = np.asarray(Image.fromarray(np.round(255 * colour).astype("uint8")).convert("L"), "float32") / 255
        np.testing.assert_allclose(crop[..., 0], luma, atol=1.01 / 255)
    with pytest.raises(ValueError, match="`grey` is a share from 0 to 1; received 2"):
        CropSampler(load_folder(folder), **options, grey=2)
