import numpy as np
import pytest
from picture_files import cut, photograph

from tf_denoise.data.parts import LARGEST_SIDE, MOST_PICTURES, Parts
from tf_denoise.errors import InputError
from tf_denoise.noise import AdditiveGaussian
from tf_denoise.noise.described import make_noise
from tf_denoise.noise.ladder import noise_ladder
from tf_denoise.runs.folder import read_json

RANGE = noise_ladder(AdditiveGaussian((5 / 255, 55 / 255)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parts")
    for index in range(30):
        photograph(folder / "all" / f"{index:02}.png", 20, 24, seed=index)
    for part, count in (("validation", 40), ("test", 130)):
        for index in range(count):
            photograph(folder / part / f"{part}{index:03}.png", 18, 16, seed=1000 + index)
    return folder


def parts_of(folder, **options):
    return Parts(data=folder / "all", crop_size=16, batch_size=2, **options)


def test_every_held_out_photograph_is_there_at_every_level(folder):
    parts = parts_of(folder)
    for part in ("validation", "test"):
        pictures = parts.pictures(part, RANGE)
        names = parts.parts[part].names
        assert [(p.name, p.level) for p in pictures] == [(name, level) for name in names for level in (15, 25, 50)]
        for picture in pictures:
            deviation = 255 * np.std(picture.noisy - picture.clean)
            assert deviation == pytest.approx(picture.level, rel=0.1)


def test_validation_and_test_are_judged_at_the_same_levels(folder):
    parts = parts_of(folder, validation=folder / "validation", test=folder / "test")
    levels = [{picture.level for picture in parts.pictures(part, RANGE)} for part in ("validation", "test")]
    assert levels == [{15, 25, 50}] * 2


def test_noise_is_always_the_same_and_that_of_no_other_picture(folder):
    pictures = parts_of(folder).pictures("test", RANGE)
    again = parts_of(folder).pictures("test", RANGE)
    noises = []
    for picture, same in zip(pictures, again, strict=True):
        np.testing.assert_array_equal(picture.noisy, picture.noisy)
        np.testing.assert_array_equal(picture.noisy, same.noisy)
        noises.append(((picture.noisy - picture.clean) / picture.level).ravel())
    other = parts_of(folder, seed=1).pictures("test", RANGE)
    noises += [((p.noisy - p.clean) / p.level).ravel() for p in other]
    correlations = np.corrcoef(noises) - np.eye(len(noises))
    assert np.abs(correlations).max() < 0.2  # 1,152 values each


def test_clean_pixels_are_held_once_and_noise_is_not_held(folder):
    pictures = parts_of(folder).pictures("test", RANGE)
    assert len({id(picture.clean) for picture in pictures}) == len(pictures) / 3
    assert pictures[0].noisy is not pictures[0].noisy


def test_of_more_photographs_some_are_taken_spread_evenly(folder):
    assert MOST_PICTURES == {"validation": 24, "test": 100}
    parts = parts_of(folder, validation=folder / "validation", test=folder / "test")
    for part, most in MOST_PICTURES.items():
        names = [picture.name for picture in parts.pictures(part, {None: AdditiveGaussian(0.1)})]
        assert len(names) == len(set(names)) == most
        places = [parts.parts[part].names.index(name) for name in names]
        assert (places[0], places[-1]) == (0, len(parts.parts[part]) - 1)
        assert set(np.diff(places)) <= {1, 2}


def test_of_a_large_photograph_the_centre_is_taken(tmp_path, folder):
    photograph(tmp_path / "large.png", LARGEST_SIDE + 60, 30)
    parts = parts_of(folder, test=tmp_path)
    (picture,) = parts.pictures("test", {None: AdditiveGaussian(0.1)})
    assert picture.clean.shape == (LARGEST_SIDE, 30, 3)
    assert picture.clean.base is None  # what is around the centre is let go
    np.testing.assert_array_equal(picture.clean, parts.parts["test"].photograph(0)[30:-30])


def test_pairs_bring_their_own_noise_at_one_level_without_a_name(tmp_path):
    for index in range(5):
        photograph(tmp_path / "clean" / f"{index}.png", 20, 20, seed=index)
        photograph(tmp_path / "noisy" / f"{index}.png", 20, 20, seed=50 + index)
    parts = Parts(clean=tmp_path / "clean", noisy=tmp_path / "noisy", crop_size=16)
    (picture,) = parts.pictures("test", noise_ladder(None))
    assert picture.level is None
    noisy, clean = parts.parts["test"].photograph(0)
    np.testing.assert_array_equal(picture.noisy, noisy)
    np.testing.assert_array_equal(picture.clean, clean)


def test_damaged_photographs_are_left_out_and_a_part_of_nothing_else_is_refused(tmp_path, folder):
    for index in range(3):
        photograph(tmp_path / "test" / f"{index}.png", 40, 40, seed=index)
    parts = parts_of(folder, test=tmp_path / "test")
    data = bytearray((tmp_path / "test" / "1.png").read_bytes())
    data[len(data) // 2] ^= 0xFF
    (tmp_path / "test" / "1.png").write_bytes(data)
    assert [p.name for p in parts.pictures("test", {None: AdditiveGaussian(0.1)})] == ["0.png", "2.png"]
    assert "1.png" in dict(parts.record()["skipped"])
    parts.check("test")
    for index in (0, 2):
        cut(tmp_path / "test" / f"{index}.png")
    for refused in (lambda: parts.check("test"), lambda: parts.pictures("test", RANGE)):
        with pytest.raises(InputError, match=r"No photograph to test on can be decoded: 2\.png "):
            refused()


def test_the_record_keeps_what_earlier_processes_skipped(tmp_path, folder):
    first, second = parts_of(folder), parts_of(folder)
    first.parts["test"].reject("a.png", "is empty")
    first.write_record(tmp_path)
    second.parts["train"].reject("b.png", "is tiny")
    second.write_record(tmp_path)
    assert read_json(tmp_path / "data.json")["skipped"] == [["a.png", "is empty"], ["b.png", "is tiny"]]


def test_training_pairs_are_a_pure_function_of_seed_and_step(folder):
    noise = make_noise("gaussian", sigma_255=(20.0,))
    batches = list(parts_of(folder).training_pairs(noise, seed=3).take(3))
    again = next(iter(parts_of(folder).training_pairs(noise, seed=3, start_step=2)))
    for found, expected in zip(again, batches[2], strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("kind", ["gaussian", "poisson_gaussian", "salt_and_pepper"])
def test_every_kind_of_noise_can_be_made(kind):
    clean = np.full((1, 50, 50, 1), 0.5, "float32")
    noisy = make_noise(kind, sigma_255=(25.0,), level=60, photons=1000.0).corrupt(clean, (1, 2)).numpy()
    if kind == "salt_and_pepper":
        assert np.mean(noisy != clean) == pytest.approx(0.4, abs=0.05)
    else:
        expected = {"gaussian": 25, "poisson_gaussian": np.hypot(25, 255 * 0.5**0.5 * 1000**-0.5)}[kind]
        assert 255 * np.std(noisy) == pytest.approx(expected, rel=0.05)
