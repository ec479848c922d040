"""TIFF stacks: tifffile reads in the new file what it reads in the old one, or the file is refused in a sentence."""

import json
from xml.etree import ElementTree

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings, strategies as st
from picture_files import cut, noise

from tf_denoise.pictures.files import DECODABLE, STACK, PictureError, inspect_picture
from tf_denoise.pictures.planes import StackHeader, choose, count_of, everything, from_shares, to_shares, values_of
from tf_denoise.pictures.stacks import inspect_stack, open_stack, read_plane

HEIGHT, WIDTH = 40, 36


def planes(*sizes, dtype="uint16", seed=0):
    values = np.random.default_rng(seed).integers(0, 200, (*sizes, HEIGHT, WIDTH))
    return (values / 7 - 3).astype(dtype) if np.dtype(dtype).kind == "f" else values.astype(dtype)


COLOUR = noise(4 * HEIGHT, WIDTH, 3).reshape(4, HEIGHT, WIDTH, 3)
HYPERSTACK = planes(2, 3, 2)
LABELS = {"Labels": [f"label {n}" for n in range(12)], "Ranges": (0.0, 150.0, 10.0, 90.0), "Info": "a µm\nb"}
OF_IMAGEJ = {"axes": "TZCYX", "spacing": 3.5, "unit": "um", "finterval": 0.25, **LABELS}
OF_OME = {
    "axes": "TZCYX",
    "PhysicalSizeX": 0.11,
    "PhysicalSizeXUnit": "µm",
    "PhysicalSizeZ": 2.0,
    "PhysicalSizeZUnit": "µm",
    "Channel": {"Name": ["DAPI", "GFP"]},
    "Plane": {"ExposureTime": [0.1 * n for n in range(12)]},
}
PIXEL_SIZE = {"resolution": (1 / 0.11, 1 / 0.12), "resolutionunit": "centimeter"}
ALIKE = {
    "pages": (planes(5), {"metadata": None, **PIXEL_SIZE}),
    "pages of zlib": (planes(5), {"metadata": None, "compression": "zlib", "predictor": True}),
    "pages of tiles": (planes(3), {"metadata": None, "tile": (16, 32), "compression": "lzw"}),
    "pages of strips": (planes(3), {"metadata": None, "rowsperstrip": 7, "compression": "zstd"}),
    "big-endian pages": (planes(3), {"metadata": None, "byteorder": ">"}),
    "bigtiff": (planes(3), {"metadata": None, "bigtiff": True}),
    "white is zero": (planes(3), {"metadata": None, "photometric": "miniswhite"}),
    "colour": (COLOUR, {"metadata": None, "photometric": "rgb"}),
    "colour in planes": (np.moveaxis(COLOUR, -1, 1), {"metadata": None, "photometric": "rgb", "planarconfig": 2}),
    "colour with alpha": (
        noise(3 * HEIGHT, WIDTH, 4).reshape(3, HEIGHT, WIDTH, 4),
        {"metadata": None, "photometric": "rgb", "extrasamples": ["unassalpha"], "compression": "packbits"},
    ),
    **{
        f"pages of {dtype}": (planes(3, dtype=dtype), {"metadata": None})
        for dtype in ("uint8", "int8", "int16", "uint32", "int32", "float16", "float32", "float64")
    },
    "shape": (planes(2, 3), {"metadata": {"axes": "TZYX"}, "photometric": "minisblack"}),
    "shape, one page": (planes(2, 3), {"photometric": "minisblack", "truncate": True}),
    "imagej": (HYPERSTACK, {"imagej": True, "metadata": OF_IMAGEJ, **PIXEL_SIZE}),
    "imagej, one page": (HYPERSTACK, {"imagej": True, "metadata": OF_IMAGEJ, "truncate": True, **PIXEL_SIZE}),
    "imagej float": (planes(4, dtype="float32"), {"imagej": True, "metadata": {"axes": "ZYX"}}),
    "imagej colour": (COLOUR, {"imagej": True, "metadata": {"axes": "ZYXS"}}),
    "ome": (HYPERSTACK, {"ome": True, "metadata": OF_OME, "photometric": "minisblack", **PIXEL_SIZE}),
    "ome, zlib": (HYPERSTACK, {"ome": True, "metadata": OF_OME, "compression": "zlib", "photometric": "minisblack"}),
    "ome float": (planes(4, dtype="float32"), {"ome": True, "metadata": {"axes": "TYX"}}),
    "ome colour": (COLOUR, {"ome": True, "metadata": {"axes": "TYXS"}, "photometric": "rgb"}),
}


def saved(path, pixels, **options):
    tifffile.imwrite(path, pixels, **options)
    return path


def paged(path, pixels, byteorder=None, bigtiff=False, **options):
    """Plain pages, each written by itself: nothing says that they belong together."""
    with tifffile.TiffWriter(path, byteorder=byteorder, bigtiff=bigtiff) as tiff:
        for plane in pixels:
            tiff.write(plane, software=False, **options)
    return path


def make(folder, name):
    pixels, options = ALIKE[name]
    write = paged if options.get("metadata", ...) is None else saved
    return write(folder / ("stack.ome.tif" if options.get("ome") else "stack.tif"), pixels, **options)


def seen(path):
    """What tifffile reads of a file beside its pixels."""
    with tifffile.TiffFile(path) as tiff:
        kept = {name: value for name, value in (tiff.imagej_metadata or {}).items()}
        series, page = tiff.series[0], tiff.pages[0]
        return {
            "pages": len(tiff.pages),
            "axes": series.axes,
            "shape": series.shape,
            "dtype": series.dtype,
            "kind": series.kind,
            "imagej": {name: np.asarray(value).tolist() for name, value in kept.items()},
            "ome": tiff.ome_metadata,
            "shaped": tiff.shaped_metadata,
            "byteorder": tiff.byteorder,
            "bigtiff": tiff.is_bigtiff,
            "page": [
                getattr(page, name)
                for name in ("compression", "predictor", "photometric", "planarconfig", "extrasamples", "tile",
                             "rowsperstrip", "resolution", "resolutionunit", "software", "description")
            ],
        }  # fmt: skip


def rewrite(path, target, change=lambda plane: plane, select=None):
    with open_stack(path) as stack:
        stack.check()
        chosen = everything(stack.header) if select is None else choose(stack.header, *select)
        stack.write(target, chosen, change)
        return stack.header


@pytest.mark.parametrize("name", ALIKE)
def test_a_stack_that_nothing_changes_looks_the_same_to_tifffile(name, tmp_path):
    source = make(tmp_path, name)
    target = tmp_path / "out" / source.name
    header = rewrite(source, target)
    assert seen(target) == seen(source)
    np.testing.assert_array_equal(tifffile.imread(target), tifffile.imread(source))
    assert [path.name for path in target.parent.iterdir()] == [source.name]
    assert header.planes * HEIGHT * WIDTH * header.channels <= ALIKE[name][0].size


@pytest.mark.parametrize("name", ALIKE)
def test_planes_are_changed_one_by_one_and_alpha_stays(name, tmp_path):
    source = make(tmp_path, name)
    rewrite(source, tmp_path / "out.ome.tif", lambda plane: (plane // 2).astype(plane.dtype))
    before, after = tifffile.imread(source), tifffile.imread(tmp_path / "out.ome.tif")
    expected = (before // 2).astype(before.dtype)
    if name == "colour with alpha":
        expected[..., 3] = before[..., 3]
    np.testing.assert_array_equal(after, expected)


@pytest.mark.parametrize("name", ["imagej", "imagej, one page", "ome", "ome, zlib"])
@pytest.mark.parametrize(
    ("select", "part"),
    [
        ((slice(1, 3), None), np.s_[:1, 1:3]),
        ((slice(3, 6), 1), np.s_[1:, :, 1:]),
        ((None, 0), np.s_[:, :, :1]),
        ((slice(4, 5), None), np.s_[1:, 1:2]),
    ],
)
def test_a_part_is_a_stack_of_its_own_with_metadata_that_fit(name, select, part, tmp_path):
    source = make(tmp_path, name)
    target = tmp_path / "out" / source.name
    rewrite(source, target, select=select)
    expected = HYPERSTACK[part]
    with tifffile.TiffFile(target) as tiff:
        series, metadata = tiff.series[0], tiff.imagej_metadata
        np.testing.assert_array_equal(series.asarray(), np.squeeze(expected))
        squeezed = "".join(axis for axis, size in zip("TZCYX", expected.shape, strict=True) if size > 1)
        assert (len(tiff.series), series.axes) == (1, squeezed)
        labels = np.array(LABELS["Labels"]).reshape(2, 3, 2)[part].ravel().tolist()
        channels = range(2)[part[2]] if len(part) == 3 else range(2)
        if metadata is not None:
            assert metadata["Labels"] == labels
            assert metadata["Ranges"] == sum((LABELS["Ranges"][2 * c : 2 * c + 2] for c in channels), ())
            assert {key: metadata[key] for key in ("spacing", "unit", "finterval", "Info")} == {
                key: OF_IMAGEJ[key] for key in ("spacing", "unit", "finterval", "Info")
            }
            return
        root = ElementTree.fromstring(tiff.ome_metadata)
        pixels = next(one for one in root.iter() if one.tag.endswith("}Pixels"))
        assert [int(pixels.get(f"Size{axis}")) for axis in "TZC"] == list(expected.shape[:3])
        assert [pixels.get(key) for key in ("PhysicalSizeX", "PhysicalSizeZ", "PhysicalSizeXUnit")] == [
            "0.11",
            "2.0",
            "µm",
        ]
        names = [one.get("Name") for one in pixels if one.tag.endswith("}Channel")]
        assert names == [OF_OME["Channel"]["Name"][channel] for channel in channels]
        times = [float(one.get("ExposureTime")) for one in pixels if one.tag.endswith("}Plane")]
        numbers = np.arange(12).reshape(2, 3, 2)[part].ravel()
        np.testing.assert_allclose(times, 0.1 * numbers)
        places = [tuple(int(one.get(f"The{a}")) for a in "TZC") for one in pixels if one.tag.endswith("}Plane")]
        assert places == list(np.ndindex(expected.shape[:3]))


def test_a_part_of_plain_pages_keeps_what_stands_beside_each(tmp_path):
    source = tmp_path / "stack.tif"
    with tifffile.TiffWriter(source) as tiff:
        for number in range(4):
            tiff.write(planes(1)[0] + number, metadata=None, description=f"frame {number}", software=False)
    rewrite(source, tmp_path / "out.tif", select=(slice(1, 3), None))
    with tifffile.TiffFile(tmp_path / "out.tif") as tiff:
        assert [page.description for page in tiff.pages] == ["frame 1", "frame 2"]


def test_a_part_of_a_shaped_stack_has_its_shape(tmp_path):
    source = make(tmp_path, "shape")
    rewrite(source, tmp_path / "out.tif", select=(slice(3, 5), None))
    with tifffile.TiffFile(tmp_path / "out.tif") as tiff:
        assert json.loads(tiff.pages[0].shaped_description) == {"shape": [1, 2, HEIGHT, WIDTH], "axes": "TZYX"}
        np.testing.assert_array_equal(tiff.asarray(), planes(2, 3)[1:, :2])


def test_ome_pages_in_another_order_keep_it_whole_and_find_their_axes(tmp_path):
    """Planes XYCZT whose TiffData lie backwards in the file."""
    stack, source = planes(3), tmp_path / "stack.ome.tif"
    blocks = "".join(f'<TiffData FirstT="{t}" FirstZ="0" FirstC="0" IFD="{2 - t}" PlaneCount="1"/>' for t in range(3))
    space = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
    xml = (
        f'<?xml version="1.0" encoding="UTF-8"?><OME xmlns="{space}"><Image ID="Image:0"><Pixels ID="Pixels:0" '
        f'DimensionOrder="XYCZT" Type="uint16" SizeX="{WIDTH}" SizeY="{HEIGHT}" SizeC="1" SizeZ="1" SizeT="3">'
        f'<Channel ID="Channel:0:0" SamplesPerPixel="1"/>{blocks}</Pixels></Image></OME>'
    )
    with tifffile.TiffWriter(source) as tiff:
        for number, plane in enumerate(stack[::-1]):
            tiff.write(plane, metadata=None, description=xml if number == 0 else None, software=False)
    np.testing.assert_array_equal(tifffile.imread(source), stack)
    with open_stack(source) as opened:
        np.testing.assert_array_equal(opened.plane(0)[..., 0], stack[0])
    rewrite(source, tmp_path / "whole.ome.tif")
    assert seen(tmp_path / "whole.ome.tif") == seen(source)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "whole.ome.tif"), stack)
    rewrite(source, tmp_path / "part.ome.tif", select=(slice(1, 3), None))
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "part.ome.tif"), stack[1:])


def test_lossy_pages_are_written_without_a_second_loss_and_told(tmp_path):
    source = saved(tmp_path / "a.tif", COLOUR, metadata=None, photometric="rgb", compression="jpeg")
    rewrite(source, tmp_path / "out.tif")
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "out.tif"), tifffile.imread(source))
    with open_stack(source) as stack:
        assert stack.lost == ("its JPEG compression",)


def ragged(path):
    with tifffile.TiffWriter(path) as tiff:
        for height in (HEIGHT, HEIGHT, 20):
            tiff.write(noise(height, WIDTH, 1)[..., 0], metadata=None)
    return path


def two_types(path):
    with tifffile.TiffWriter(path) as tiff:
        for dtype in ("uint8", "uint16"):
            tiff.write(planes(1, dtype=dtype)[0], metadata=None)
    return path


def two_series(path, **options):
    with tifffile.TiffWriter(path, **options) as tiff:
        tiff.write(planes(2))
        tiff.write(planes(3))
    return path


def of_other_axes(path):
    """An OME description that speaks of more planes than there are pages."""
    saved(path, planes(4), ome=True, metadata={"axes": "TYX"})
    tifffile.tiffcomment(path, tifffile.tiffcomment(path).replace('SizeT="4"', 'SizeT="6"').encode())
    return path


def without_data(path):
    paged(path, planes(4), metadata=None, compression="zlib")
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        tiff.pages[2].tags["StripByteCounts"].overwrite(0)
    return path


def garbled(path):
    paged(path, planes(4), metadata=None, compression="zlib")
    with tifffile.TiffFile(path) as tiff:
        offset = tiff.pages[2].dataoffsets[0]
    data = bytearray(path.read_bytes())
    data[offset : offset + 40] = bytes(40)
    path.write_bytes(data)
    return path


REFUSED = {
    "ragged": (ragged, r"has ragged pages: page 2, counted from 0, is 36 x 20 pixels of 1 x uint8, and page 0 36 x 40"),
    "two types": (two_types, r"has ragged pages: page 1, .* uint16, and page 0 .* uint8"),
    "two series": (two_series, "holds 2 series of pictures; expected one stack"),
    "two images of ome": (lambda p: two_series(p, ome=True), "holds 2 series of pictures; expected one stack"),
    "unknown axes": (of_other_axes, r"lacks 2 of the 6 planes that its OME metadata name|unknown axes"),
    "cut": (lambda p: cut(paged(p, planes(4), metadata=None)), r"truncated"),
    "imagej, cut": (
        lambda p: cut(saved(p, planes(6), imagej=True, truncate=True)),
        r"is truncated: its [\d,]+ bytes end before its last plane does|has 1 pages",
    ),
    "no data": (without_data, r"is damaged: 1 of its 1 strips have no data \(page 2, counted from 0\)"),
    "volume": (
        lambda p: saved(p, planes(32), volumetric=True, tile=(16, 16, 16), photometric="minisblack", metadata=None),
        "holds 32 planes in one page",
    ),
    "metamorph": (
        lambda p: saved(p, planes(6), truncate=True, metadata=None, extratags=[(33629, 5, 6, (1, 1) * 6, True)]),
        "is a stack of the kind MetaMorph; expected plain pages, ImageJ or OME",
    ),
    "unnamed": (lambda p: saved(p, planes(6), truncate=True, metadata=None), "nothing says what they are"),
    "complex": (lambda p: paged(p, planes(3).astype("complex64"), metadata=None), r"is a stack of 64 bits a value"),
    "64 bits": (lambda p: paged(p, planes(3).astype("uint64"), metadata=None), r"64 bits a value \(uint64\)"),
    "12 bits": (
        lambda p: paged(p, planes(3), bitspersample=12, metadata=None),
        r"is a stack of 12 bits a value \(uint16\); expected integers of 8, 16 or 32, or floating point",
    ),
    "palette": (
        lambda p: saved(p, planes(3, dtype="uint8"), photometric="palette", metadata=None,
                        colormap=np.zeros((3, 256), "uint16")),
        "is a stack of palette pages; expected grey or colour",
    ),
    "five values": (
        lambda p: saved(p, noise(3 * HEIGHT, WIDTH, 5).reshape(3, HEIGHT, WIDTH, 5), metadata=None,
                        photometric="minisblack", planarconfig="contig"),
        "has 5 values a pixel",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_sound_stack_is_refused_in_a_sentence(name, tmp_path):
    make_bad, sentence = REFUSED[name]
    with pytest.raises(PictureError, match=sentence) as caught:
        inspect_picture(make_bad(tmp_path / "bad.tif"), (*DECODABLE, STACK))
    assert str(caught.value).count("\n") == 0
    assert len(str(caught.value)) < 300


def test_a_damaged_plane_leaves_nothing_half_written(tmp_path):
    source = garbled(tmp_path / "bad.tif")
    inspect_stack(source)
    with pytest.raises(PictureError, match="is damaged: its plane 2 cannot be decoded"):
        rewrite(source, tmp_path / "out" / "bad.tif")
    assert list((tmp_path / "out").iterdir()) == []


def test_single_pictures_stay_pictures(tmp_path):
    source = saved(tmp_path / "one.tif", planes(1)[0])
    assert inspect_picture(source, (*DECODABLE, STACK)).planes is None
    stack = inspect_picture(make(tmp_path, "colour"), (*DECODABLE, STACK))
    assert (stack.planes, stack.kind, stack.bits, stack.height, stack.width) == (4, "colour", 8, HEIGHT, WIDTH)


def test_planes_are_pictures_to_train_on(tmp_path):
    np.testing.assert_array_equal(read_plane(make(tmp_path, "colour"), 2), COLOUR[2])
    path = make(tmp_path, "pages of int16")
    expected = (planes(3, dtype="int16")[1] + 32768.0) / 65535
    np.testing.assert_allclose(read_plane(path, 1)[..., 0], expected, atol=1e-6)
    path = paged(tmp_path / "float.tif", planes(20, dtype="float32"), metadata=None)
    taken = planes(20, dtype="float32")[np.linspace(0, 19, 16).astype(int)]
    low, high = np.percentile(taken, [0.1, 99.9])
    np.testing.assert_allclose(
        read_plane(path, 3)[..., 0], (planes(20, dtype="float32")[3] - low) / (high - low), atol=1e-6
    )


def test_values_that_are_none_are_refused(tmp_path):
    pixels = planes(3, dtype="float32")
    pixels[1, 4, 5] = np.nan
    sentence = "holds NaN or infinity in its plane 1; expected numbers"
    path = paged(tmp_path / "nan.tif", pixels, metadata=None)
    with open_stack(path) as stack, pytest.raises(PictureError, match=sentence):
        values_of(stack, everything(stack.header))


HEADER = StackHeader("OME-TIFF", "TZC", (4, 5, 2), 8, 8, 1, np.dtype("uint8"))
NOT_CHOSEN = {
    "beyond": (slice(30, 40), None, "has 20 planes, counted from 0, and none of them lies in --planes 30:40"),
    "no block": (slice(3, 8), None, "is no block of these: choose whole multiples of 5, or planes of one T"),
    "channel 2": (None, 2, "has channels 0 to 1; received --channel 2"),
    "channel -1": (None, -1, "has channels 0 to 1; received --channel -1"),
}


@pytest.mark.parametrize("name", NOT_CHOSEN)
def test_planes_that_are_not_there_or_no_block_are_refused(name):
    planes, channel, sentence = NOT_CHOSEN[name]
    with pytest.raises(ValueError, match=sentence):
        choose(HEADER, planes, channel)


@given(st.integers(-25, 25) | st.none(), st.integers(-25, 25) | st.none())
def test_what_is_chosen_is_what_python_slices(start, stop):
    wanted = list(range(20))[start:stop]
    in_blocks = wanted and (wanted[0] // 5 == wanted[-1] // 5 or (wanted[0] % 5 == 0 and wanted[-1] % 5 == 4))
    if not in_blocks:
        with pytest.raises(ValueError, match="is no block" if wanted else "none of them lies in"):
            choose(HEADER, slice(start, stop), channel=1)
        return
    chosen = choose(HEADER, slice(start, stop), channel=1)
    taken = [5 * t + z for t in chosen[0] for z in chosen[1]]
    assert taken == wanted
    assert chosen[2] == range(1, 2)
    assert count_of(chosen) == len(wanted)


@settings(max_examples=50)
@given(st.sampled_from(["uint8", "int8", "uint16", "int16", "float32"]), st.booleans(), st.data())
def test_shares_and_values_are_the_same_thing(dtype, white_is_zero, data):
    ends = (-1e3, 1e3) if dtype == "float32" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    low, high = sorted(
        data.draw(st.tuples(*[st.integers(int(ends[0]), int(ends[1]))] * 2).filter(lambda p: p[0] != p[1]))
    )
    values = np.linspace(*ends, 99).astype(dtype)
    back = from_shares(to_shares(values, low, high, white_is_zero), dtype, low, high, white_is_zero)
    tolerance = (
        1e-6 * (ends[1] - ends[0]) if dtype == "float32" else 0 if high - low > 1e-2 * (ends[1] - ends[0]) else 1
    )
    np.testing.assert_allclose(back.astype("float64"), values.astype("float64"), atol=tolerance + 1e-9)
