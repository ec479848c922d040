"""TIFF files: what is written looks like what was read to Pillow and to tifffile, or the file is refused."""

import io
import struct
import zlib

import imagecodecs
import numpy as np
import pytest
import tifffile
from memory import memory_grows_at_most
from picture_files import noise
from PIL import Image, TiffImagePlugin

from tf_denoise.pictures.files import DECODABLE, PictureError, inspect_picture, read_picture, to_unit, write_picture

HEIGHT, WIDTH = 40, 36


def saved(path, pixels, **options):
    tifffile.imwrite(path, pixels, **options)
    return path


def premultiplied(dtype="uint8"):
    pixels = noise(HEIGHT, WIDTH, 4, dtype).astype("float64")
    white = np.iinfo(dtype).max
    pixels[..., :3] *= pixels[..., 3:] / white
    return np.round(pixels).astype(dtype)


GREY, COLOUR = noise(HEIGHT, WIDTH, 1)[..., 0], noise(HEIGHT, WIDTH, 3)
DEEP, DEEP_GREY = noise(HEIGHT, WIDTH, 3, "uint16"), noise(HEIGHT, WIDTH, 1, "uint16")[..., 0]
UNIT = to_unit(DEEP)
SMOOTH = np.asarray(Image.fromarray(noise(5, 4, 3)).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC))
ALIKE = {
    "grey": (GREY, {}),
    "colour lzw": (COLOUR, {"compression": "lzw"}),
    "colour lzw predictor": (DEEP, {"compression": "lzw", "predictor": True, "photometric": "rgb"}),
    "zstd": (COLOUR, {"compression": "zstd"}),
    "lzma": (DEEP, {"compression": "lzma", "photometric": "rgb"}),
    "packbits": (COLOUR, {"compression": "packbits"}),
    "big-endian": (DEEP, {"byteorder": ">", "photometric": "rgb"}),
    "bigtiff": (COLOUR, {"bigtiff": True}),
    "tiles": (DEEP, {"tile": (16, 32), "compression": "zlib", "photometric": "rgb"}),
    "tiles, not compressed": (COLOUR, {"tile": (32, 16), "photometric": "rgb"}),
    "strips": (COLOUR, {"rowsperstrip": 7, "compression": "lzw"}),
    "planes": (np.moveaxis(DEEP, -1, 0), {"planarconfig": "separate", "photometric": "rgb", "compression": "lzw"}),
    "white is zero": (GREY, {"photometric": "miniswhite", "compression": "lzw"}),
    "deep white is zero": (DEEP_GREY, {"photometric": "miniswhite"}),
    "float": (UNIT, {"photometric": "rgb"}),
    "float predictor": (UNIT, {"photometric": "rgb", "predictor": 3, "compression": "zlib"}),
    "half float": (UNIT.astype("float16"), {"photometric": "rgb"}),
    "noisy float": (np.linspace(-0.34, 1.08, HEIGHT * WIDTH, dtype="float32").reshape(HEIGHT, WIDTH), {}),
    "premultiplied lzw": (premultiplied(), {"extrasamples": ["assocalpha"], "photometric": "rgb", "compression": 5}),
    "premultiplied, not so": (noise(HEIGHT, WIDTH, 4), {"extrasamples": ["assocalpha"], "photometric": "rgb"}),
    "deep premultiplied": (premultiplied("uint16"), {"extrasamples": ["assocalpha"], "photometric": "rgb"}),
    "alpha lzw": (noise(HEIGHT, WIDTH, 4), {"extrasamples": ["unassalpha"], "photometric": "rgb", "compression": 5}),
    "alpha planes": (
        np.moveaxis(noise(HEIGHT, WIDTH, 4), -1, 0),
        {"extrasamples": ["unassalpha"], "photometric": "rgb", "planarconfig": "separate"},
    ),
    "deep grey with alpha": (
        noise(HEIGHT, WIDTH, 2, "uint16"),
        {"extrasamples": ["unassalpha"], "photometric": "minisblack", "planarconfig": "contig", "compression": 5},
    ),
    "grey with alpha": (
        noise(HEIGHT, WIDTH, 2),
        {"extrasamples": ["unassalpha"], "photometric": "minisblack", "planarconfig": "contig"},
    ),
    "jpeg": (SMOOTH, {"photometric": "ycbcr", "compression": "jpeg", "subsampling": (1, 1)}),
    "jpeg tiles": (SMOOTH, {"photometric": "ycbcr", "compression": "jpeg", "subsampling": (2, 2), "tile": (16, 16)}),
    "jpeg rgb": (SMOOTH, {"photometric": "rgb", "compression": "jpeg"}),
    "jpeg grey": (SMOOTH[..., 0], {"compression": "jpeg"}),
    "jpeg 2000": (SMOOTH, {"photometric": "rgb", "compression": "jpeg2000"}),
    "webp": (COLOUR, {"photometric": "rgb", "compression": "webp", "compressionargs": {"lossless": True}}),
    "webp, lossy": (SMOOTH, {"photometric": "rgb", "compression": "webp", "compressionargs": {"lossless": False}}),
    "described": (COLOUR, {"description": "a road", "metadata": None}),
    "shaped": (COLOUR, {"metadata": {"axes": "YXS"}}),
    "imagej": (GREY, {"imagej": True}),
    "ome": (GREY, {"ome": True}),
}


def as_pillow_sees(path):
    """Its pixels in a mode that Pillow gives to either file, or `None` where it cannot open it."""
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGBA") if image.mode in ("RGBA", "RGBa", "RGB", "LA", "L") else image)
    except OSError:
        return None


@pytest.mark.parametrize("name", ALIKE)
def test_what_is_written_looks_like_what_was_read(name, tmp_path):
    pixels, options = ALIKE[name]
    source, target = saved(tmp_path / "in.tif", pixels, **options), tmp_path / "out.tif"
    picture = read_picture(source, DECODABLE)
    write_picture(target, to_unit(picture.values), picture)
    expected, found = tifffile.imread(source), tifffile.imread(target)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    pillow = as_pillow_sees(source)
    if pillow is not None:  # two decoders of JPEG 2000 and of subsampled JPEG colours differ a little
        np.testing.assert_allclose(as_pillow_sees(target), pillow, atol=4 if "jpeg" in name else 0)
    with tifffile.TiffFile(source) as one, tifffile.TiffFile(target) as other:
        assert one.byteorder == other.byteorder
        assert one.pages[0].extrasamples == other.pages[0].extrasamples
        assert one.pages[0].planarconfig == other.pages[0].planarconfig
        if "jpeg" not in name:
            assert one.pages[0].photometric == other.pages[0].photometric
        assert one.pages[0].description == other.pages[0].description


@pytest.mark.parametrize("mode", ["P", "RGBA", "LA", "L", "RGB", "I;16"])
@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_adobe_deflate"])
def test_what_pillow_writes_looks_the_same_to_pillow(mode, compression, tmp_path):
    image = Image.fromarray(noise(HEIGHT, WIDTH, 4))
    if mode == "LA":
        image = Image.fromarray(noise(HEIGHT, WIDTH, 2), "LA")
    elif mode == "I;16":
        image = Image.fromarray(DEEP_GREY)
    else:
        image = image.convert("RGB").quantize(16) if mode == "P" else image.convert(mode)
    image.save(tmp_path / "in.tif", compression=compression)
    picture = read_picture(tmp_path / "in.tif", DECODABLE)
    write_picture(tmp_path / "out.tif", picture.values, picture)
    expected, found = Image.open(tmp_path / "in.tif"), Image.open(tmp_path / "out.tif")
    np.testing.assert_array_equal(found, expected.convert("RGB") if mode == "P" else expected)


def by_pillow(path, mode, **options):
    Image.fromarray(COLOUR).convert(mode).save(path, **options)
    return path


def with_inner(path, shrink, subfiletype):
    """A picture with another one in a SubIFD."""
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(COLOUR, photometric="rgb", subifds=1)
        tiff.write(COLOUR[::shrink, ::shrink], photometric="rgb", subfiletype=subfiletype)
    return path


UIC2 = (33629, 5, 6, (1, 1) * 6, True)  # of MetaMorph: how many planes there are, in a count
STACK = noise(6, HEIGHT, WIDTH)[..., :WIDTH]
REFUSED = {
    "ycbcr": (lambda p: by_pillow(p, "YCbCr"), "is a YCbCr picture"),
    "ycbcr lzw": (lambda p: saved(p, COLOUR, photometric="ycbcr", compression="lzw"), "is a YCbCr picture"),
    "cmyk": (lambda p: by_pillow(p, "CMYK"), "is a CMYK picture"),
    "lab": (lambda p: by_pillow(p, "LAB"), "is a CIELAB picture"),
    "1-bit": (lambda p: by_pillow(p, "1"), "is a 1-bit picture"),
    "imagej stack": (lambda p: saved(p, STACK, imagej=True), "is a 6-(page|plane)"),
    "imagej stack, one directory": (lambda p: saved(p, STACK, imagej=True, truncate=True), "is a 6-plane stack"),
    "stack, one directory": (lambda p: saved(p, STACK, truncate=True), "is a 6-plane stack"),
    "unnamed stack": (lambda p: saved(p, STACK, truncate=True, metadata=None), "is a 6-plane stack"),
    "ome stack": (lambda p: saved(p, STACK, ome=True), "is a 6-page"),
    "pages": (lambda p: saved(p, STACK, metadata=None, compression="zlib"), "is a 6-page picture"),
    "stk": (lambda p: saved(p, STACK, truncate=True, metadata=None, extratags=[UIC2]), "is a 6-plane"),
    "stk of zlib": (lambda p: saved(p, GREY, metadata=None, extratags=[UIC2], compression="zlib"), "is a 6-plane"),
    "pages in a SubIFD": (lambda p: with_inner(p, 1, 0), "is a 2-page picture"),
    "pages of one size, called reduced": (lambda p: with_inner(p, 1, 1), "is a 2-page picture"),
    "volume": (lambda p: saved(p, np.stack([STACK] * 4), volumetric=True, tile=(16, 16, 16)), "is a 6-plane|page"),
    "near infrared": (
        lambda p: saved(p, noise(HEIGHT, WIDTH, 4), photometric="rgb", extrasamples=["unspecified"]),
        "is a colour with an unspecified channel picture",
    ),
    "two channels": (
        lambda p: saved(p, noise(HEIGHT, WIDTH, 2), photometric="minisblack", planarconfig="contig"),
        "is a grey with an unspecified channel picture",
    ),
    "five channels": (
        lambda p: saved(p, noise(HEIGHT, WIDTH, 5), photometric="rgb", planarconfig="contig"),
        "is a colour 5-channel picture",
    ),
    "12 bits": (
        lambda p: saved(p, DEEP_GREY >> 4, bitspersample=12),
        r"is a 12-bit picture|has 12 bits a value",
    ),
    "signed": (lambda p: saved(p, GREY.astype("int8")), "is an int8 picture"),
    "complex": (lambda p: saved(p, GREY.astype("complex64")), "is a complex64 picture"),
    "unsigned 32 bits": (lambda p: saved(p, GREY.astype("uint32")), "is a 32-bit integer picture"),
    "high dynamic range": (lambda p: saved(p, 7 * UNIT, photometric="rgb"), "holds floating-point values from 0.0003"),
    "not a number": (
        lambda p: saved(p, np.full((9, 9), np.nan, "float32")),
        "holds values that are NaN; expected numbers from 0 to 1",
    ),
    "lerc": (lambda p: saved(p, GREY, compression="lerc"), "is compressed by LERC, which is not supported"),
    "colour filters": (lambda p: saved(p, DEEP_GREY, photometric="cfa"), "is a cfa picture"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_said_again_is_refused_and_not_called_damaged(name, tmp_path):
    make, sentence = REFUSED[name]
    with pytest.raises(PictureError, match=sentence) as caught:
        read_picture(make(tmp_path / "refused.tif"), DECODABLE)
    assert "damaged" not in str(caught.value)
    assert str(caught.value).count("\n") == 0
    assert len(str(caught.value)) < 300


def rewritten(path, code, values):
    """The numbers of a tag written over."""
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        tag = tiff.pages[0].tags[code]
        size = {3: "H", 4: "I"}[tag.dtype]
        where = tag.valueoffset
    data = bytearray(path.read_bytes())
    struct.pack_into(f"<{len(values)}{size}", data, where, *values)
    path.write_bytes(data)
    return path


def of_strips(path, compression="zlib", rows=10):
    return saved(path, COLOUR, rowsperstrip=rows, compression=compression, metadata=None)


def numbers(path, code):
    with tifffile.TiffFile(path) as tiff:
        return list(tiff.pages[0].tags[code].value)


def without_strip(path, compression):
    counts = numbers(of_strips(path, compression), 279)
    return rewritten(path, 279, [counts[0], 0, *counts[2:]])


def without_offset(path, compression):
    offsets = numbers(of_strips(path, compression), 273)
    return rewritten(path, 273, [offsets[0], 0, *offsets[2:]])


def higher(path, compression):
    return rewritten(of_strips(path, compression), 257, [4 * HEIGHT])


def higher_strip(path, compression):
    """One strip, whose data end in the middle of the picture that its header declares."""
    of_strips(path, compression, rows=HEIGHT)
    return rewritten(rewritten(path, 278, [4 * HEIGHT]), 257, [4 * HEIGHT])


def garbled(path, compression):
    offsets, counts = (numbers(of_strips(path, compression), code) for code in (273, 279))
    data = bytearray(path.read_bytes())
    for place in range(offsets[1], offsets[1] + counts[1]):
        data[place] ^= 0x5A
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("compression", ["none", "zlib", "lzw", "zstd", "packbits", "lzma"])
@pytest.mark.parametrize("damage", [without_strip, without_offset, higher, higher_strip, garbled])
def test_pixels_that_are_not_there_are_told(damage, compression, tmp_path, caplog):
    if damage is garbled and compression in ("none", "packbits"):
        pytest.skip("any bytes are pixels")
    path = damage(tmp_path / "bad.tif", None if compression == "none" else compression)
    with pytest.raises(PictureError, match=r"damaged|cannot be decoded|truncated|-plane stack"):
        read_picture(path, DECODABLE)


def test_a_missing_tile_is_told(tmp_path):
    path = saved(tmp_path / "tiles.tif", COLOUR, tile=(16, 16), compression="zlib", photometric="rgb")
    counts = numbers(path, 325)
    with pytest.raises(PictureError, match="is damaged: 1 of its 9 tiles have no data"):
        inspect_picture(rewritten(path, 325, [0, *counts[1:]]))


def of_one_strip(path, compression, data, size=64):
    """A grey picture whose one strip is `data`."""
    entries = [(256, size), (257, size), (258, 8), (259, compression), (262, 1), (273, 8), (277, 1), (278, size)]
    entries.append((279, len(data)))
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", c, 4, 1, v) for c, v in entries)
    start = 8 + len(data) + len(data) % 2
    path.write_bytes(struct.pack("<2sHI", b"II", 42, start) + data + b"\0" * (len(data) % 2) + directory + bytes(4))
    return path


def jpeg_of(side):
    stream = io.BytesIO()
    Image.new("L", (side, side)).save(stream, "JPEG")
    return stream.getvalue()


def with_a_smaller_canvas(side):
    """WebP data whose extended header says 64 x 64 pixels, and whose picture is larger."""
    data = bytearray(imagecodecs.webp_encode(np.zeros((side, side, 4), "uint8"), lossless=False))
    assert data[12:16] == b"VP8X"
    data[24:30] = 2 * (63).to_bytes(3, "little")
    return bytes(data)


@pytest.mark.parametrize(
    ("compression", "data"),
    [
        (8, lambda: zlib.compress(bytes(300_000_000))),
        (5, lambda: imagecodecs.lzw_encode(bytes(30_000_000))),
        (50000, lambda: imagecodecs.zstd_encode(bytes(300_000_000))),
        (34925, lambda: imagecodecs.lzma_encode(bytes(30_000_000))),
        (7, lambda: jpeg_of(6_000)),
        (33005, lambda: imagecodecs.jpeg2k_encode(np.zeros((3000, 3000), "uint8"))),
        (34933, lambda: imagecodecs.png_encode(np.zeros((6000, 6000), "uint8"))),
        (50001, lambda: imagecodecs.webp_encode(np.zeros((3000, 3000, 3), "uint8"), lossless=False)),
        (50001, lambda: imagecodecs.webp_encode(np.zeros((3000, 3000, 4), "uint8"), lossless=True)),
        (50001, lambda: imagecodecs.webp_encode(np.zeros((3000, 3000, 3), "uint8"), lossless=True)),
        (50001, lambda: with_a_smaller_canvas(3000)),
        (34927, lambda: b"RIFF\x10\0\0\0WEBPVP8 "),
    ],
)
def test_a_strip_inflates_no_further_than_the_header_allows(compression, data, tmp_path):
    path = of_one_strip(tmp_path / "bomb.tif", compression, data())
    with memory_grows_at_most(12_000_000):
        try:
            picture = read_picture(path)
        except PictureError as error:
            assert "cannot be decoded" in str(error)  # noqa: PT017 (either will do)
        else:
            assert picture.values.shape == (64, 64, 1)


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize(("height", "width", "samples"), [(16, 48, 3), (300, 17, 3), (5, 1025, 4), (16_000, 24, 3)])
def test_the_size_of_webp_data_is_told(height, width, samples, lossless, tmp_path):
    data = imagecodecs.webp_encode(noise(height, width, samples), lossless=lossless)
    assert Image.open(io.BytesIO(data)).size == (width, height)
    path = of_one_strip(tmp_path / "large.tif", 50001, data, size=2)
    with pytest.raises(PictureError, match=f"a part of it is {width} x {height} pixels, and its header says 2 x 2"):
        read_picture(path)


def test_a_missing_decoder_is_named(tmp_path, monkeypatch):
    path = saved(tmp_path / "z.tif", COLOUR, compression="zstd")
    known = {1: None, 8: zlib.decompress}
    monkeypatch.setattr(tifffile.TIFF, "DECOMPRESSORS", known, raising=False)
    with pytest.raises(PictureError, match=r"z\.tif is compressed by ZSTD, which needs imagecodecs; install it by pip"):
        inspect_picture(path)


def test_what_stands_beside_the_pixels_is_kept(tmp_path):
    extra = [
        (33550, 12, 3, (0.5, 0.5, 0.0), True),
        (33922, 12, 6, (0.0, 0.0, 0.0, 440_000.0, 5_000_000.0, 0.0), True),
        (34735, 3, 8, (1, 1, 0, 1, 1024, 0, 1, 1), True),
        (34737, 2, 6, "WGS84|", True),
        (42113, 2, 2, "0", True),
        (700, 1, 9, b"<x:xmp/>\n", True),
        (315, 2, 3, "Me", True),
        (65001, 3, 1, 7, True),
    ]
    options = {"description": "Strada n° 7".encode(), "resolution": (300.5, 150), "resolutionunit": 3}
    for byteorder in "<>":
        path = saved(
            tmp_path / "in.tif", DEEP, photometric="rgb", extratags=extra, metadata=None, byteorder=byteorder, **options
        )
        picture = read_picture(path)
        assert picture.lost == ("its tag 65001",)
        write_picture(tmp_path / "out.tif", picture.values, picture)
        with tifffile.TiffFile(path) as one, tifffile.TiffFile(tmp_path / "out.tif") as other:
            for code in (270, 282, 283, 296, 305, *(code for code, *_ in extra[:-1])):
                assert other.pages[0].tags[code].value == one.pages[0].tags[code].value, code
        with Image.open(path) as one, Image.open(tmp_path / "out.tif") as other:
            assert one.info["dpi"] == other.info["dpi"]


def test_what_is_not_kept_is_told(tmp_path):
    for make, lost in (
        (lambda path: with_inner(path, 2, 1), "the further pictures in it (SubIFDs)"),
        (lambda path: with_exif(path), "its EXIF data"),
    ):
        picture = read_picture(make(tmp_path / "in.tif"))
        assert picture.lost == (lost,)
        write_picture(tmp_path / "out.tif", picture.values, picture)
        np.testing.assert_array_equal(tifffile.imread(tmp_path / "out.tif"), COLOUR)


def with_exif(path):
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[34665] = {36867: "2026:01:01 00:00:00"}
    Image.fromarray(COLOUR).save(path, tiffinfo=tags)
    return path
