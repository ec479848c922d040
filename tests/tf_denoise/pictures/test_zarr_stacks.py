"""Zarr stacks: zarr reads in the new folder what it reads in the old one, or the folder is refused in a sentence."""

import json
import sys
import warnings

import numpy as np
import pytest

from tf_denoise.pictures.files import DECODABLE, STACK, PictureError, find_pictures, inspect_picture
from tf_denoise.pictures.planes import choose, everything
from tf_denoise.pictures.stacks import inspect_stack, open_stack, read_plane

zarr = pytest.importorskip("zarr")
VALUES = np.random.default_rng(0).integers(1, 60_000, (4, 3, 2, 40, 36), "uint16")
AXES = [{"name": "t", "type": "time"}, {"name": "z", "type": "space", "unit": "micrometer"}, {"name": "c"}]
AXES += [{"name": "y", "type": "space"}, {"name": "x", "type": "space"}]
SCALE = [{"type": "scale", "scale": [1, 2.5, 1, 0.11, 0.11]}]


def array(path, values=VALUES[:, 0, 0], names=("t", "y", "x"), chunks=(1, 20, 36), **options):
    made = zarr.create_array(
        path, shape=values.shape, dtype=values.dtype, chunks=chunks, dimension_names=names, **options
    )
    made[:] = values
    return path


def ome(path, zarr_format=3, consolidated=False):
    """An OME-Zarr image with a smaller copy and labels."""
    group = zarr.open_group(path, mode="w", zarr_format=zarr_format)
    for place, values, depth in (("0", VALUES, 2), ("1", VALUES[..., ::2, ::2], 1)):
        made = group.create_array(place, shape=values.shape, dtype=values.dtype, chunks=(1, depth, 1, 20, 36))
        made[:] = values
        made.attrs["note"] = "kept"
    labels = group.create_group("labels").create_array("cells", shape=(40, 36), chunks=(40, 36), dtype="uint8")
    labels[:] = 7
    multiscales = [
        {"name": "image", "axes": AXES, "datasets": [{"path": p, "coordinateTransformations": SCALE} for p in "01"]}
    ]
    omero = {"channels": [{"label": "DAPI", "color": "0000FF"}, {"label": "GFP", "color": "00FF00"}]}
    if zarr_format == 3:
        group.attrs["ome"] = {"version": "0.5", "multiscales": multiscales, "omero": omero}
    else:
        group.attrs.update({"multiscales": multiscales, "omero": omero})
    if consolidated:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            zarr.consolidate_metadata(path)
    return path


def rewrite(path, target, change=lambda plane: plane, select=None, **options):
    with open_stack(path, **options) as stack:
        stack.check()
        chosen = everything(stack.header) if select is None else choose(stack.header, *select)
        stack.write(target, chosen, change)
        return stack.header


BLOSC = {"compressors": zarr.codecs.BloscCodec(cname="zstd", clevel=5)}
ALIKE = {
    "plain": {},
    "blosc": BLOSC,
    "not compressed": {"compressors": None},
    "shards": {"shards": (2, 40, 36)},
    "deep chunks": {"chunks": (3, 40, 36)},
    "large chunks": {"chunks": (64, 64, 64)},
    "float": {"values": (VALUES[:, 0, 0] / 7).astype("float32")},
    "signed": {"values": VALUES[:, 0, 0].astype("int32") - 30_000},
    "fill value": {"fill_value": 9},
    "zeros": {"values": np.zeros((4, 40, 36), "uint8"), "config": {"write_empty_chunks": True}},
    "format 2": {"zarr_format": 2, "names": None, "attributes": {"_ARRAY_DIMENSIONS": ["t", "y", "x"]}},
    "big-endian": {"zarr_format": 2, "names": None, "values": VALUES[:, 0, 0].astype(">u2"),
                   "attributes": {"_ARRAY_DIMENSIONS": ["t", "y", "x"]}},
    "one plane": {"values": VALUES[0, 0, 0], "names": ("y", "x"), "chunks": (40, 20)},
    "colour last": {"values": VALUES[:, 0, 0, :, :33].reshape(4, 40, 11, 3), "names": ("t", "y", "x", "c"),
                    "chunks": (1, 40, 11, 3)},
}  # fmt: skip


@pytest.mark.parametrize("name", ALIKE)
def test_an_array_that_nothing_changes_is_the_same_to_zarr(name, tmp_path):
    source = array(tmp_path / "in.zarr", **{"attributes": {"unit": "um"}, **ALIKE[name]})
    target = tmp_path / "out" / "in.zarr"
    rewrite(source, target)
    before, after = zarr.open_array(source, mode="r"), zarr.open_array(target, mode="r")
    assert after.metadata == before.metadata
    np.testing.assert_array_equal(after[:], before[:])
    assert after.nchunks_initialized == after.nchunks
    assert [path.name for path in target.parent.iterdir()] == ["in.zarr"]


@pytest.mark.parametrize("name", ALIKE)
def test_planes_are_changed_one_by_one(name, tmp_path):
    source = array(tmp_path / "in.zarr", **ALIKE[name])
    shapes = set()

    def halved(plane):
        shapes.add(plane.shape)
        return (plane // 2).astype(plane.dtype)

    header = rewrite(source, tmp_path / "out.zarr", halved)
    before = zarr.open_array(source, mode="r")[:]
    np.testing.assert_array_equal(zarr.open_array(tmp_path / "out.zarr", mode="r")[:], before // 2)
    assert shapes == {(header.height, header.width, header.channels)}


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("consolidated", [False, True])
def test_an_ome_image_keeps_all_but_its_smaller_copies(zarr_format, consolidated, tmp_path):
    source = ome(tmp_path / "in.zarr", zarr_format, consolidated)
    header = rewrite(source, tmp_path / "out.zarr")
    assert (header.axes, header.sizes) == ("TZC", (4, 3, 2))
    with open_stack(source) as stack:
        assert stack.lost == ("its smaller copies",)
    before, after = (zarr.open_group(tmp_path / name, mode="r") for name in ("in.zarr", "out.zarr"))
    np.testing.assert_array_equal(after["0"][:], VALUES)
    assert after["0"].metadata == before["0"].metadata
    assert sorted(after.keys()) == ["0", "labels"]
    assert (after["labels/cells"][:] == 7).all()
    expected = json.loads(json.dumps(dict(before.attrs)))
    del expected.get("ome", expected)["multiscales"][0]["datasets"][1:]
    assert dict(after.attrs) == expected
    assert (after.metadata.consolidated_metadata is None) == (before.metadata.consolidated_metadata is None)


def test_a_part_of_an_ome_image_has_its_channels(tmp_path):
    source = ome(tmp_path / "in.zarr")
    rewrite(source, tmp_path / "out.zarr", select=(slice(3, 9), 1))
    after = zarr.open_group(tmp_path / "out.zarr", mode="r")
    np.testing.assert_array_equal(after["0"][:], VALUES[1:3, :, 1:])
    assert [one["label"] for one in after.attrs["ome"]["omero"]["channels"]] == ["GFP"]
    assert after["0"].attrs["note"] == "kept"
    assert after["0"].chunks == (1, 2, 1, 20, 36)
    assert list(after.keys()) == ["0"]


def test_an_image_deeper_in_a_group_is_found(tmp_path):
    zarr.open_group(tmp_path / "in.zarr", mode="w").attrs["bioformats2raw.layout"] = 3
    ome(tmp_path / "in.zarr" / "0")
    rewrite(tmp_path / "in.zarr", tmp_path / "out.zarr", select=(slice(0, 3), None))
    after = zarr.open_group(tmp_path / "out.zarr", mode="r")
    assert after.attrs["bioformats2raw.layout"] == 3
    np.testing.assert_array_equal(after["0/0"][:], VALUES[:1])


def test_planes_are_found_in_blocks_of_chunks(tmp_path):
    array(tmp_path / "in.zarr", VALUES, ("t", "z", "c", "y", "x"), chunks=(3, 2, 2, 40, 36))
    with open_stack(tmp_path / "in.zarr") as stack:
        for index in (0, 5, 23, 12, 6):
            np.testing.assert_array_equal(stack.plane(index)[..., 0], VALUES.reshape(24, 40, 36)[index])
    np.testing.assert_array_equal(read_plane(tmp_path / "in.zarr", 7)[..., 0], VALUES.reshape(24, 40, 36)[7])


def test_axes_can_be_given(tmp_path):
    source = array(tmp_path / "in.zarr", names=None)
    assert rewrite(source, tmp_path / "out.zarr", axes="zyx").axes == "Z"


def test_a_folder_that_has_the_name_is_replaced(tmp_path):
    source, target = array(tmp_path / "in.zarr"), array(tmp_path / "out.zarr", VALUES[0, 0, 0], ("y", "x"), (40, 36))
    (target / "more").touch()
    rewrite(source, target)
    np.testing.assert_array_equal(zarr.open_array(target, mode="r")[:], VALUES[:, 0, 0])
    assert not (target / "more").exists()


def missing_chunk(path):
    next(file for file in sorted(array(path).rglob("*")) if file.is_file() and file.name != "zarr.json").unlink()
    return path


def damaged_chunk(path):
    chunks = sorted(file for file in array(path).rglob("*") if file.is_file() and file.name != "zarr.json")
    chunks[-1].write_bytes(chunks[-1].read_bytes()[:9])
    return path


def group(path, **arrays):
    made = zarr.open_group(path, mode="w")
    for name, values in arrays.items():
        made.create_array(name, data=values)
    return path


def damaged_metadata(path):
    array(path)
    (path / "zarr.json").write_text("{")
    return path


REFUSED = {
    "no arrays": (lambda p: group(p), "is a Zarr without arrays"),
    "two arrays": (
        lambda p: group(p, a=VALUES[0, 0], b=VALUES[0, 0]),
        r"holds 2 arrays and does not say which is meant; give one of them, such as .*bad.zarr/a",
    ),
    "no axes": (
        lambda p: array(p, names=None),
        r"has unknown axes: its array of shape \(4, 40, 36\) names none; name them, such as --axes CYX",
    ),
    "other order": (
        lambda p: array(p, names=("y", "x", "t")),
        r"has the axes YXT and the shape \(4, 40, 36\); expected",
    ),
    "no plane": (lambda p: array(p, VALUES[0, 0, 0, 0], ("x",), (9,)), "has the axes X and the shape"),
    "complex": (lambda p: array(p, VALUES[:, 0, 0].astype("complex64")), "is an array of complex64; expected integers"),
    "64 bits": (lambda p: array(p, VALUES[:, 0, 0].astype("int64")), "is an array of int64; expected integers"),
    "empty": (lambda p: array(p, VALUES[:0, 0, 0]), r"holds no values: its array has the shape \(0, 40, 36\)"),
    "missing chunk": (missing_chunk, "lacks 1 of its 8 chunks: restore them, or add --fill-missing to take them for"),
    "damaged metadata": (damaged_metadata, "is damaged or truncated: "),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_sound_array_is_refused_in_a_sentence(name, tmp_path):
    make, sentence = REFUSED[name]
    with pytest.raises(PictureError, match=sentence) as caught:
        inspect_picture(make(tmp_path / "bad.zarr"), (*DECODABLE, STACK))
    assert str(caught.value).count("\n") == 0
    assert len(str(caught.value)) <= 300


def test_missing_chunks_can_be_taken_for_the_fill_value(tmp_path):
    rewrite_options = {"fill_missing": True}
    source = missing_chunk(tmp_path / "in.zarr")
    with open_stack(source, **rewrite_options) as stack:
        stack.check()
        stack.write(tmp_path / "out.zarr", everything(stack.header), lambda plane: plane)
    expected = VALUES[:, 0, 0].copy()
    expected[0, :20] = 0
    np.testing.assert_array_equal(zarr.open_array(tmp_path / "out.zarr", mode="r")[:], expected)


def test_a_damaged_chunk_leaves_nothing_half_written(tmp_path):
    source = damaged_chunk(tmp_path / "bad.zarr")
    inspect_stack(source)
    (tmp_path / "out").mkdir()
    with pytest.raises(PictureError, match="is damaged: its plane 3 cannot be decoded"):
        rewrite(source, tmp_path / "out" / "bad.zarr")
    assert list((tmp_path / "out").iterdir()) == []


def test_without_zarr_it_is_said_how_to_install_it(tmp_path, monkeypatch):
    source = array(tmp_path / "in.zarr")
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(PictureError, match=r'cannot be read: zarr is needed .*pip install ".\[zarr\]" in a copy of'):
        inspect_picture(source, (*DECODABLE, STACK))


def test_arrays_are_found_among_pictures_and_nothing_in_them(tmp_path):
    array(tmp_path / "a" / "one.zarr")
    ome(tmp_path / "two.zarr")
    (tmp_path / "two.zarr" / "thumbnail.png").touch()
    (tmp_path / "b.tif").touch()
    names = [str(path.relative_to(tmp_path)) for path in find_pictures(tmp_path, stacks=True)]
    assert names == ["a/one.zarr", "b.tif", "two.zarr"]
    assert find_pictures(tmp_path / "two.zarr", stacks=True) == [tmp_path / "two.zarr"]
    assert len(find_pictures(tmp_path)) == 2
