"""Stacks are as many photographs as they have planes, dealt to parts without showing one what another holds."""

import numpy as np
import pytest
import tifffile
from picture_files import noise, photograph

from tf_denoise.data import CropSampler, load_folder, load_next_planes, load_pairs, split
from tf_denoise.data.parts import Parts
from tf_denoise.errors import InputError
from tf_denoise.pictures.files import PictureError
from tf_denoise.pictures.planes import StackHeader, next_planes

HEIGHT, WIDTH = 24, 20


def stack(path, *sizes, axes=None, seed=0, dtype="uint8"):
    values = np.random.default_rng(seed).integers(0, 255, (*sizes, HEIGHT, WIDTH)).astype(dtype)
    tifffile.imwrite(path, values, photometric="minisblack", metadata={"axes": axes} if axes else {})
    return values


def test_planes_and_pictures_are_photographs(tmp_path):
    zarr = pytest.importorskip("zarr")
    photograph(tmp_path / "a.png", HEIGHT, WIDTH)
    values = stack(tmp_path / "b.tif", 3)
    deep = stack(tmp_path / "c.tif", 2, dtype="float32")
    zarr.create_array(tmp_path / "d.zarr", data=values[:1], dimension_names=["t", "y", "x"])
    photographs = load_folder(tmp_path)
    assert photographs.names == [
        "a.png",
        "b.tif/0000",
        "b.tif/0001",
        "b.tif/0002",
        "c.tif/0000",
        "c.tif/0001",
        "d.zarr/0000",
    ]
    assert photographs.channels == 3
    for index in range(3):
        np.testing.assert_array_equal(photographs.stored(1 + index)[0], np.repeat(values[index][..., None], 3, -1))
    low, high = np.percentile(deep, [0.1, 99.9])
    np.testing.assert_allclose(photographs.photograph(5)[..., 0], (deep[1] - low) / (high - low), atol=1e-6)
    np.testing.assert_array_equal(photographs.stored(6)[0][..., 0], values[0])
    assert photographs.value_bytes == 12
    assert load_folder(tmp_path / "d.zarr").names == ["d.zarr/0000"]


def test_crops_come_from_planes(tmp_path):
    values = stack(tmp_path / "a.tif", 5)
    photographs = load_folder(tmp_path)
    crops = CropSampler(photographs, crop_size=16, batch_size=4, seed=0).batch(0)
    seen = np.concatenate([values, values.swapaxes(1, 2)[:, :HEIGHT, :WIDTH]], axis=None)
    assert crops.shape == (4, 16, 16, 1)
    assert set(np.round(255 * crops).astype("uint8").ravel()) <= set(seen.ravel())


def test_the_planes_of_a_stack_are_cut_into_runs(tmp_path):
    stack(tmp_path / "a.tif", 20)
    stack(tmp_path / "b.tif", 5)
    photograph(tmp_path / "c.png", HEIGHT, WIDTH)
    train, validation, test = split(load_folder(tmp_path), seed=3)
    assert validation.names == ["a.tif/0016", "a.tif/0017", "b.tif/0003"]
    assert test.names == ["a.tif/0018", "a.tif/0019", "b.tif/0004"]
    assert len(train) == 16 + 3 + 1
    assert split(load_folder(tmp_path), seed=4).test.names == test.names


def test_of_many_stacks_each_falls_into_one_part(tmp_path):
    for number in range(12):
        stack(tmp_path / f"{number:02}.tif", 3)
    parts = split(load_folder(tmp_path), seed=0, validation=0.25)
    stacks = [{name.split("/")[0] for name in part.names} for part in parts]
    assert list(map(len, stacks)) == [8, 3, 1]
    assert len(set.union(*stacks)) == 12
    assert sum(map(len, parts)) == 36


def test_too_short_a_stack_cannot_be_split(tmp_path):
    stack(tmp_path / "a.tif", 2)
    with pytest.raises(InputError, match=r"2 photographs cannot be split into parts .* expected at least 3"):
        split(load_folder(tmp_path), seed=0)


def test_neighbours_are_twins_and_none_stands_in_two_parts(tmp_path):
    values = stack(tmp_path / "a.tif", 12)
    twins = load_next_planes(tmp_path)
    assert twins.paired
    assert len(twins) == 11
    noisy, target = twins.stored(4)
    np.testing.assert_array_equal(noisy[..., 0], values[4])
    np.testing.assert_array_equal(target[..., 0], values[5])
    planes = [
        {plane for member in part.members for plane in (member.plane, member.noisy_plane)} for part in split(twins, 0)
    ]
    assert sum(map(len, planes)) == len(set.union(*planes))
    assert all(planes)


def test_pictures_have_no_next_plane(tmp_path):
    photograph(tmp_path / "a.png", HEIGHT, WIDTH)
    with pytest.raises(InputError, match=r"a.png is no stack of several planes, and --noisy-twin next-plane takes"):
        load_next_planes(tmp_path)


HEADERS = {
    ("T", (3,)): [(0, 1), (1, 2)],
    ("I", (3,)): [(0, 1), (1, 2)],
    ("ZT", (2, 2)): [(0, 1), (2, 3)],
    ("TZ", (2, 2)): [(0, 2), (1, 3)],
    ("ZC", (2, 2)): [(0, 2), (1, 3)],
    ("C", (3,)): [],
    ("TC", (1, 2)): [],
}


@pytest.mark.parametrize(("axes", "sizes"), HEADERS)
def test_time_comes_before_depth_and_channels_are_no_neighbours(axes, sizes):
    assert next_planes(StackHeader("TIFF", axes, sizes, 8, 8, 1, np.dtype("uint8"))) == HEADERS[axes, sizes]


def test_pairs_of_stacks_are_matched_plane_by_plane(tmp_path):
    for name in ("clean", "noisy", "short"):
        (tmp_path / name).mkdir()
    clean, noisy = stack(tmp_path / "clean" / "a.tif", 4), stack(tmp_path / "noisy" / "a.tif", 4, seed=1)
    pairs = load_pairs(tmp_path / "clean", tmp_path / "noisy")
    assert pairs.names == [f"a.tif/000{n}" for n in range(4)]
    np.testing.assert_array_equal(pairs.stored(2)[0][..., 0], noisy[2])
    np.testing.assert_array_equal(pairs.stored(2)[1][..., 0], clean[2])
    stack(tmp_path / "short" / "a.tif", 3)
    with pytest.raises(InputError, match=r"has 4 planes and its partner .* 3: the two of a pair show the same"):
        load_pairs(tmp_path / "clean", tmp_path / "short")


def test_the_parts_of_a_run_take_stacks(tmp_path):
    stack(tmp_path / "a.tif", 12)
    parts = Parts(data=tmp_path, crop_size=16)
    assert [len(part) for part in parts.parts.values()] == [10, 1, 1]
    assert parts.fingerprint() == Parts(data=tmp_path, crop_size=16).fingerprint()
    assert [name for name, _, _ in parts.decoded("test")] == ["a.tif/0011"]
    twins = Parts(data=tmp_path, crop_size=16, next_plane=True)
    assert twins.parts["train"].paired
    assert twins.fingerprint() != parts.fingerprint()


def test_a_stack_of_colour_and_ragged_pages(tmp_path):
    colour = noise(12 * HEIGHT, WIDTH, 3).reshape(12, HEIGHT, WIDTH, 3)
    tifffile.imwrite(tmp_path / "a.tif", colour, photometric="rgb")
    with tifffile.TiffWriter(tmp_path / "b.tif") as tiff:
        for height in (HEIGHT, 17):
            tiff.write(colour[0, :height], photometric="rgb", metadata=None)
    for number in range(9):
        photograph(tmp_path / f"c{number}.png", HEIGHT, WIDTH)
    photographs = load_folder(tmp_path)
    np.testing.assert_array_equal(photographs.stored(7)[0], colour[7])
    assert photographs.rejected["b.tif"].startswith("has ragged pages: page 1, counted from 0, is 20 x 17 pixels")


def test_a_stack_that_is_gone_is_a_picture_error(tmp_path):
    stack(tmp_path / "a.tif", 4)
    photographs = load_folder(tmp_path)
    (tmp_path / "a.tif").unlink()
    with pytest.raises(PictureError, match=r"a.tif cannot be read: No such file or directory"):
        photographs.stored(0)
