import pickle

import cv2
import numpy as np
import pytest
import skimage.io
import tifffile
from hypothesis import given, strategies as st
from memory import memory_grows_at_most
from picture_files import BAD, cut, noise, photograph, png
from PIL import Image, ImageCms, ImageOps

from tf_denoise.errors import InputError
from tf_denoise.pictures.files import (
    DECODABLE,
    PictureError,
    find_pictures,
    from_unit,
    inspect_picture,
    read_picture,
    to_unit,
    with_channels,
    write_picture,
)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_with_its_name_and_the_reason(name, tmp_path):
    make, sentence = BAD[name]
    path = make(tmp_path)
    for refuse in (inspect_picture, read_picture):
        with memory_grows_at_most(100_000_000), pytest.raises(PictureError, match=sentence) as caught:
            refuse(path)
        assert str(caught.value) == f"{path} {caught.value.reason}."
        assert "\n" not in str(caught.value)


def test_tiny_and_huge_are_what_the_caller_says(tmp_path):
    path = photograph(tmp_path / "small.png", 15, 40)
    assert inspect_picture(path).height == 15
    with pytest.raises(PictureError, match=r"is tiny, 40 x 15 pixels; expected at least 16 x 16"):
        inspect_picture(path, least_side=16)
    with pytest.raises(PictureError, match=r"is 40 x 15 pixels, more than the 0.0005 megapixels allowed"):
        read_picture(path, max_pixels=500)


def test_damage_in_the_middle_is_found_when_decoding(tmp_path):
    path = photograph(tmp_path / "damaged.png")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(data)
    inspect_picture(path)
    with pytest.raises(PictureError, match=r"damaged\.png cannot be decoded: the checksum of its IDAT chunk is wrong"):
        read_picture(path)


def test_an_error_survives_a_process_boundary():
    error = pickle.loads(pickle.dumps(PictureError("a.png", "is empty (0 bytes)")))
    assert (str(error), error.reason) == ("a.png is empty (0 bytes).", "is empty (0 bytes)")


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("suffix", [".png", ".PNG", ".bmp", ".tif", ".tiff"])
def test_eight_bits_are_read_exactly(suffix, channels, tmp_path):
    pixels = noise(17, 31, channels)
    path = tmp_path / f"exact{suffix}"
    Image.fromarray(pixels[..., 0] if channels == 1 else pixels).save(path)
    picture = read_picture(path)
    np.testing.assert_array_equal(picture.values, pixels)
    assert picture.values.dtype == "uint8"
    assert (picture.header.kind, picture.header.bits) == ("grey" if channels == 1 else "colour", 8)


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_is_read_as_pillow_reads_it(channels, tmp_path):
    path = photograph(tmp_path / "photo.JPEG", 40, 56, channels)
    picture = read_picture(path)
    expected = np.asarray(Image.open(path))
    np.testing.assert_array_equal(picture.values, expected if channels == 3 else expected[..., None])
    assert picture.header.format == "JPEG"


@pytest.mark.parametrize(("channels", "colour_type"), [(1, 0), (3, 2)])
def test_sixteen_bits_of_png_stay_sixteen(channels, colour_type, tmp_path):
    pixels = noise(17, 31, channels, "uint16")
    by_hand = png(tmp_path / "hand.png", pixels, colour_type, bits=16)
    by_opencv = tmp_path / "opencv.png"
    cv2.imwrite(str(by_opencv), pixels[..., ::-1])
    for path in (by_hand, by_opencv):
        picture = read_picture(path)
        np.testing.assert_array_equal(picture.values, pixels)
        assert (picture.values.dtype, picture.header.bits) == ("uint16", 16)


@pytest.mark.parametrize("compression", [None, "tiff_adobe_deflate", "tiff_lzw", "packbits"])
def test_compressed_tiff_is_read_as_pillow_reads_it(compression, tmp_path):
    pixels = noise(40, 30)
    Image.fromarray(pixels).save(tmp_path / "c.tif", compression=compression)
    np.testing.assert_array_equal(read_picture(tmp_path / "c.tif").values, pixels)


@pytest.mark.parametrize(
    ("dtype", "options"),
    [
        ("uint16", {}),
        ("uint16", {"planarconfig": "separate"}),
        ("uint16", {"predictor": True, "compression": "zlib"}),
        ("float32", {}),
        ("float32", {"planarconfig": "separate", "compression": "zlib"}),
    ],
)
def test_deep_tiff_is_read_exactly(dtype, options, tmp_path):
    pixels = noise(17, 31, 3, "uint16")
    pixels = pixels if dtype == "uint16" else to_unit(pixels)
    stored = np.moveaxis(pixels, -1, 0) if "planarconfig" in options else pixels
    tifffile.imwrite(tmp_path / "deep.tif", stored, photometric="rgb", **options)
    picture = read_picture(tmp_path / "deep.tif")
    np.testing.assert_array_equal(picture.values, pixels)
    assert picture.values.dtype == dtype
    if not options:
        np.testing.assert_array_equal(skimage.io.imread(tmp_path / "deep.tif"), picture.values)


def test_floating_point_beyond_0_to_1_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "hdr.tif", np.array([[0.5, 7], [0, 1]], "float32"))
    with pytest.raises(PictureError, match=r"holds floating-point values from 0 to 7; expected 0 to 1, and noise"):
        read_picture(tmp_path / "hdr.tif")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_the_exif_orientation_is_applied_and_given_back(suffix, orientation, tmp_path):
    path = photograph(tmp_path / f"turned{suffix}", 40, 24)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.open(path).copy().save(path, exif=exif)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(path)))
    if suffix == ".tif":  # of two decoders
        Image.open(path).save(tmp_path / "lzw.tif", compression="tiff_lzw", exif=exif)
        np.testing.assert_array_equal(
            read_picture(tmp_path / "lzw.tif").values, ImageOps.exif_transpose(Image.open(tmp_path / "lzw.tif"))
        )
    picture = read_picture(path)
    assert (picture.header.height, picture.header.width) == upright.shape[:2]
    np.testing.assert_array_equal(picture.values, upright)
    write_picture(tmp_path / f"back{suffix}", picture.values, picture)
    again = read_picture(tmp_path / f"back{suffix}")
    assert again.header == picture.header
    assert np.abs(again.values.astype(int) - picture.values).max() <= (0 if suffix != ".jpg" else 12)
    assert Image.open(tmp_path / f"back{suffix}").getexif()[0x0112] == orientation


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_a_broken_exif_block_or_a_trailer_harms_no_picture(tmp_path):
    path = photograph(tmp_path / "trailer.jpg")
    expected = read_picture(path).values
    path.write_bytes(path.read_bytes() + b"a few bytes of a telephone")
    np.testing.assert_array_equal(read_picture(path).values, expected)
    path.write_bytes(path.read_bytes() + bytes(10_000))  # too far from the end: decoding tells
    np.testing.assert_array_equal(read_picture(path).values, expected)
    broken = png(tmp_path / "broken.png", noise(), 2, before=[(b"eXIf", b"MM\0*\xff\xff\xff\xff")])
    assert read_picture(broken).header.orientation == 1


@pytest.mark.parametrize(
    ("name", "mode", "kind"),
    [
        ("a.png", "RGBA", "colour with alpha"),
        ("a.png", "LA", "grey with alpha"),
        ("a.tif", "RGBA", "colour with alpha"),
        ("p.png", "P", "palette"),
        ("p.bmp", "P", "palette"),
        ("p.tif", "P", "palette"),
    ],
)
def test_alpha_and_palettes_are_decoded_where_they_are_wanted(name, mode, kind, tmp_path):
    pixels = noise(20, 30, 4)
    image = Image.fromarray(pixels[..., :2], "LA") if mode == "LA" else Image.fromarray(pixels)
    image = image.convert("RGB").quantize(16) if mode == "P" else image
    image.save(tmp_path / name)
    picture = read_picture(tmp_path / name, DECODABLE)
    expected = np.asarray(image.convert("RGB") if mode == "P" else image)
    assert picture.header.kind == kind
    colours = picture.values.shape[-1]
    np.testing.assert_array_equal(picture.values, expected[..., :colours])
    if mode == "P":
        assert picture.alpha is None
    else:
        np.testing.assert_array_equal(picture.alpha, expected[..., colours:])
    write_picture(tmp_path / f"back-{name}", picture.values, picture)
    again = read_picture(tmp_path / f"back-{name}", DECODABLE)
    if colours == 3:
        np.testing.assert_array_equal(again.values, picture.values)
    np.testing.assert_array_equal(again.values[..., :1], picture.values[..., :1])
    if picture.alpha is not None:
        np.testing.assert_array_equal(again.alpha, picture.alpha)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp", ".jpg"])
def test_writing_keeps_format_depth_and_profile(suffix, tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(noise(40, 30)).save(tmp_path / f"in{suffix}", icc_profile=profile)
    picture = read_picture(tmp_path / f"in{suffix}")
    assert picture.profile == (None if suffix == ".bmp" else profile)
    write_picture(tmp_path / "deeper" / f"out{suffix}", to_unit(picture.values), picture)
    written = tmp_path / "deeper" / f"out{suffix}"
    again = read_picture(written)
    assert (again.header, again.profile) == (picture.header, picture.profile)
    assert np.abs(again.values.astype(int) - picture.values).mean() <= (3 if suffix == ".jpg" else 0)
    assert Image.open(written).info.get("icc_profile") == picture.profile
    assert [path.name for path in written.parent.iterdir()] == [written.name]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("suffix", "dtype"), [(".png", "uint16"), (".tif", "uint16"), (".tif", "float32")])
def test_writing_keeps_deep_pictures_exact(suffix, dtype, channels, tmp_path):
    pixels = noise(21, 33, channels, "uint16")
    pixels = pixels if dtype == "uint16" else to_unit(pixels)
    path = tmp_path / f"deep{suffix}"
    if suffix == ".png":
        png(path, pixels, 0 if channels == 1 else 2, bits=16)
    else:
        tifffile.imwrite(
            path, pixels if channels == 3 else pixels[..., 0], photometric=("minisblack", "rgb")[channels // 3]
        )
    picture = read_picture(path)
    write_picture(tmp_path / f"back{suffix}", to_unit(picture.values), picture)
    again = read_picture(tmp_path / f"back{suffix}")
    np.testing.assert_array_equal(again.values, pixels)
    assert again.header == picture.header


def test_writing_refuses_other_shapes_and_depths(tmp_path):
    picture = read_picture(photograph(tmp_path / "a.png"))
    with pytest.raises(ValueError, match=r"have shape \(3, 3, 3\); expected that of the picture, \(64, 48, 3\)"):
        write_picture(tmp_path / "b.png", noise(3, 3), picture)
    with pytest.raises(ValueError, match=r"are uint16; expected uint8, or floating point in \[0, 1\]"):
        write_picture(tmp_path / "b.png", picture.values.astype("uint16"), picture)
    assert not (tmp_path / "b.png").exists()


@given(st.sampled_from(["uint8", "uint16"]), st.integers(0, 2**32 - 1))
def test_stored_values_survive_the_way_through_0_to_1(dtype, seed):
    values = noise(9, 7, 3, dtype, seed)
    unit = to_unit(values)
    assert unit.dtype == "float32"
    assert 0 <= unit.min() <= unit.max() <= 1
    np.testing.assert_array_equal(from_unit(unit, dtype), values)


def test_channels_are_repeated_or_become_luma(tmp_path):
    grey, colour = noise(channels=1), noise(channels=3)
    np.testing.assert_array_equal(with_channels(grey, 3), np.repeat(grey, 3, -1))
    assert with_channels(colour, 3) is colour
    expected = np.asarray(Image.fromarray(colour).convert("L"))[..., None].astype(int)
    assert np.abs(with_channels(colour, 1).astype(int) - expected).max() <= 1
    np.testing.assert_array_equal(with_channels(with_channels(grey, 3), 1), grey)


def test_pictures_are_found_in_order_at_any_depth(tmp_path):
    for name in ("b.PNG", "a/z.jpg", "a/b/c.Tiff", "a.bmp", "notes.txt", ".hidden.png", ".folder/x.png", "c.gif"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = [path.relative_to(tmp_path).as_posix() for path in find_pictures(tmp_path)]
    assert found == ["a.bmp", "a/b/c.Tiff", "a/z.jpg", "b.PNG"]
    with pytest.raises(InputError, match=r"The folder .*nowhere cannot be read: No such file"):
        find_pictures(tmp_path / "nowhere")


@given(cut_at=st.floats(0.02, 0.98))
def test_a_file_cut_anywhere_is_refused(cut_at, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cut", numbered=True)
    for suffix in (".png", ".jpg", ".bmp", ".tif"):
        with pytest.raises(PictureError, match=r"truncated|damaged|not a picture"):
            inspect_picture(cut(photograph(folder / f"cut{suffix}"), cut_at))
