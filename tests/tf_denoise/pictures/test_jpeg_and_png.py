"""JPEG and PNG files: cut ones are refused, small ones cost little memory, what they say beside their pixels stays."""

import io
import struct
import zlib

import numpy as np
import pytest
from memory import memory_grows_at_most
from picture_files import declared, noise, photograph, png
from PIL import Image, ImageCms

from tf_denoise.pictures.files import DECODABLE, PictureError, inspect_picture, read_picture, write_picture

EOI = b"\xff\xd9"


def jpeg(side=160, channels=3, **options) -> bytes:
    coarse = noise(12, 16, channels)
    image = Image.fromarray(coarse[..., 0] if channels == 1 else coarse).resize((side, side), Image.Resampling.BICUBIC)
    stream = io.BytesIO()
    image.save(stream, "JPEG", **options)
    return stream.getvalue()


def with_rows(data: bytes, rows: int, columns: int | None = None) -> bytes:
    """The file with another size in its header."""
    place = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2")) + 5
    changed = bytearray(data)
    struct.pack_into(">H", changed, place, rows)
    if columns is not None:
        struct.pack_into(">H", changed, place + 2, columns)
    return bytes(changed)


KINDS = {
    "plain": {},
    "grey": {"channels": 1},
    "progressive": {"progressive": True},
    "full colour": {"subsampling": 0, "quality": 95},
    "low": {"quality": 5},
    "restarts": {"restart_marker_rows": 1},
    "many restarts": {"restart_marker_blocks": 3},
    "odd": {"side": 157},
    "optimised": {"optimize": True},
}


@pytest.mark.parametrize("name", KINDS)
def test_a_jpeg_that_is_cut_and_ended_is_refused(name, tmp_path):
    data = jpeg(**KINDS[name])
    path = tmp_path / "cut.jpg"
    path.write_bytes(data)
    np.testing.assert_array_equal(np.squeeze(read_picture(path).values), np.asarray(Image.open(path)))
    scan = data.rindex(b"\xff\xda") if "progressive" in KINDS[name] else data.index(b"\xff\xda")
    scan += 2 + int.from_bytes(data[scan + 2 : scan + 4], "big")
    for share in (0.02, 0.2, 0.5, 0.8, 0.97):
        cut = data[: scan + int(share * (len(data) - 2 - scan))]
        cut = cut[:-1] if cut[-1] == 0xFF else cut
        for trailer in (b"", data, bytes(10_000)):  # a second picture, as telephones add
            path.write_bytes(cut + EOI + trailer)
            with pytest.raises(PictureError, match=r"cut\.jpg (cannot be decoded: its data end before|is truncated)"):
                read_picture(path)
    for trailer in (data, bytes(10_000)):
        path.write_bytes(data + trailer)
        read_picture(path)


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_that_declares_more_rows_than_it_has_is_refused_cheaply(progressive, tmp_path):
    path = tmp_path / "rows.jpg"
    path.write_bytes(with_rows(jpeg(progressive=progressive), 168))
    with pytest.raises(PictureError, match=r"data end before the picture does"):
        read_picture(path)
    path.write_bytes(with_rows(jpeg(progressive=progressive), 14_000, 14_000))
    with memory_grows_at_most(5_000_000), pytest.raises(PictureError, match=r"too few for the size that its header"):
        inspect_picture(path)
    long = with_rows(jpeg(1600, quality=95, subsampling=0), 16_000, 1600)
    path.write_bytes(long)
    with memory_grows_at_most(30_000_000), pytest.raises(PictureError, match=r"too few|end before the picture"):
        read_picture(path)


@pytest.mark.parametrize(("marker", "sentence"), [(0xC3, "is a lossless JPEG file, which is not"), (0xC5, "hierarch")])
def test_a_seldom_jpeg_is_not_called_damaged(marker, sentence, tmp_path):
    data = bytearray(jpeg())
    data[data.index(b"\xff\xc0") + 1] = marker
    (tmp_path / "a.jpg").write_bytes(data)
    with pytest.raises(PictureError, match=sentence):
        inspect_picture(tmp_path / "a.jpg")
    data[data.index(bytes((0xFF, marker))) + 1] = 0xC1
    data[data.index(b"\xff\xc1") + 4] = 12
    (tmp_path / "a.jpg").write_bytes(data)
    with pytest.raises(PictureError, match=r"a\.jpg has 12 bits a value; expected 8 in a JPEG file\."):
        inspect_picture(tmp_path / "a.jpg")


def with_segment(data: bytes, code: int, content: bytes) -> bytes:
    return data[:2] + struct.pack(">BBH", 0xFF, code, len(content) + 2) + content + data[2:]


def test_what_a_jpeg_says_beside_its_pixels_is_kept(tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    xmp = b"<x:xmpmeta>a road</x:xmpmeta>"
    data = jpeg(dpi=(300, 299), comment=b"a comment", exif=exif, icc_profile=profile, xmp=xmp)
    (tmp_path / "in.jpg").write_bytes(data)
    picture = read_picture(tmp_path / "in.jpg")
    write_picture(tmp_path / "out.jpg", picture.values, picture)
    one, other = Image.open(tmp_path / "in.jpg"), Image.open(tmp_path / "out.jpg")
    one.load(), other.load()
    for name in ("dpi", "comment", "exif", "icc_profile", "xmp", "jfif_unit", "jfif_density"):
        assert other.info[name] == one.info[name], name
    assert picture.lost == ()
    assert np.abs(np.asarray(one, int) - np.asarray(other)).max() < 12


def test_a_gain_map_is_told(tmp_path):
    xmp = b'http://ns.adobe.com/xap/1.0/\0<rdf:Description hdrgm:Version="1.0"/>'
    data = with_segment(with_segment(jpeg(), 0xE2, b"MPF\0II*\0"), 0xE1, xmp) + jpeg(40)
    (tmp_path / "in.jpg").write_bytes(data)
    picture = read_picture(tmp_path / "in.jpg")
    assert picture.lost == ("its gain map", "its XMP data, which speak of the gain map")
    write_picture(tmp_path / "out.jpg", picture.values, picture)
    assert b"hdrgm" not in (tmp_path / "out.jpg").read_bytes()
    assert b"MPF" not in (tmp_path / "out.jpg").read_bytes()
    (tmp_path / "in.jpg").write_bytes(jpeg() + b"a video")
    assert read_picture(tmp_path / "in.jpg").lost == ("what follows its end (a video or another picture)",)
    (tmp_path / "in.jpg").write_bytes(with_segment(jpeg(), 0xE2, b"MPF\0II*\0"))
    assert read_picture(tmp_path / "in.jpg").lost == ("the further pictures in it (MPF)",)


def chunks_of(path):
    data, position, found = path.read_bytes(), 8, {}
    while position < len(data):
        length, name = struct.unpack_from(">I4s", data, position)
        found.setdefault(name, data[position + 8 : position + 8 + length])
        position += 12 + length
    return found


@pytest.mark.parametrize(("bits", "colour", "channels"), [(8, 2, 3), (16, 2, 3), (8, 0, 1), (16, 4, 2), (16, 6, 4)])
def test_what_a_png_says_beside_its_pixels_is_kept(bits, colour, channels, tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    kept = [
        (b"gAMA", struct.pack(">I", 45_455)),
        (b"cHRM", struct.pack(">8I", *range(8))),
        (b"cICP", bytes((9, 16, 0, 1))),  # BT.2100 PQ
        (b"mDCV", bytes(24)),
        (b"iCCP", b"name\0\0" + zlib.compress(profile)),
        (b"pHYs", struct.pack(">IIB", 11_811, 11_800, 1)),
        (b"tEXt", b"Title\0a road"),
        (b"zTXt", b"Comment\0\0" + zlib.compress(b"long" * 99)),
        (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x/>"),
        (b"tIME", bytes(7)),
        (b"eXIf", exif.tobytes()[6:]),
        (b"teSt", b"safe to copy"),
    ]
    pixels = noise(20, 31, channels, f"uint{bits}")
    path = png(tmp_path / "in.png", pixels, colour, bits, before=[*kept, (b"caBX", b"signed"), (b"bKGD", bytes(6))])
    picture = read_picture(path, DECODABLE)
    assert picture.lost == ("its caBX chunk",)
    assert picture.profile == profile
    write_picture(tmp_path / "out.png", picture.values, picture)
    found = chunks_of(tmp_path / "out.png")
    for name, content in kept:
        assert found[name] == content, name
    with Image.open(tmp_path / "out.png") as image, Image.open(path) as original:
        np.testing.assert_array_equal(image, original)
        assert image.info["icc_profile"] == profile
    np.testing.assert_array_equal(read_picture(tmp_path / "out.png", DECODABLE).values, picture.values)


@pytest.mark.parametrize(
    ("bits", "colour", "key"), [(8, 0, (7,)), (8, 2, (1, 2, 3)), (16, 2, (300, 2, 3)), (16, 0, (9,))]
)
def test_a_transparent_value_becomes_alpha(bits, colour, key, tmp_path):
    pixels = noise(20, 30, len(key), f"uint{bits}")
    pixels[:5] = key
    path = png(tmp_path / "in.png", pixels, colour, bits, before=[(b"tRNS", struct.pack(f">{len(key)}H", *key))])
    picture = read_picture(path, DECODABLE)
    np.testing.assert_array_equal(picture.values, pixels)
    np.testing.assert_array_equal(picture.alpha[..., 0] == 0, (pixels == key).all(-1))
    write_picture(tmp_path / "out.png", picture.values, picture)
    again = read_picture(tmp_path / "out.png", DECODABLE)
    np.testing.assert_array_equal(again.values, pixels)
    np.testing.assert_array_equal(again.alpha, picture.alpha)


def test_a_palette_with_transparency_looks_the_same(tmp_path):
    image = Image.fromarray(noise(20, 30)).quantize(16)
    image.save(tmp_path / "in.png", transparency=bytes(range(0, 160, 10)))
    picture = read_picture(tmp_path / "in.png", DECODABLE)
    write_picture(tmp_path / "out.png", picture.values, picture)
    expected = Image.open(tmp_path / "in.png").convert("RGBA")
    np.testing.assert_array_equal(Image.open(tmp_path / "out.png"), expected)


def test_an_animation_is_refused(tmp_path):
    frames = [Image.fromarray(noise(seed=seed)) for seed in range(3)]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    with pytest.raises(PictureError, match=r"a\.png is an animated \(3 frames\) picture"):
        read_picture(tmp_path / "a.png", DECODABLE)


def bomb(size: int, declared: int) -> bytes:
    packer = zlib.compressobj(9)
    start = packer.compress(struct.pack(">I", declared) + bytes(124))
    return start + b"".join(packer.compress(bytes(2**20)) for _ in range(size >> 20)) + packer.flush()


@pytest.mark.slow
@pytest.mark.parametrize("declared", [0, 600, 2**31 - 1, 2**24])
@pytest.mark.parametrize("chunk", ["iCCP", "zTXt", "iTXt"])
def test_nothing_beside_the_pixels_is_inflated_without_bounds(chunk, declared, tmp_path):
    start = {"iCCP": b"a\0\0", "zTXt": b"a\0\0", "iTXt": b"a\0\1\0\0\0"}[chunk]
    before = [(chunk.encode(), start + bomb(200 * 2**20, declared))]
    path = png(tmp_path / "bomb.png", noise(), 2, before=before)
    with memory_grows_at_most(60_000_000 if declared == 2**24 else 15_000_000):
        picture = read_picture(path)
        write_picture(tmp_path / "out.png", picture.values, picture)
    np.testing.assert_array_equal(picture.values, noise())
    assert picture.profile is None
    assert picture.lost == (("its colour profile, which is damaged",) if chunk == "iCCP" else ())


def test_rows_that_are_missing_are_told(tmp_path):
    path = declared(png(tmp_path / "rows.png", noise(20, 10), 2), 10, 30)
    with pytest.raises(PictureError, match=r"rows\.png cannot be decoded: "):
        read_picture(path)


def test_the_resolution_of_a_bmp_is_kept(tmp_path):
    photograph(tmp_path / "in.bmp")
    Image.open(tmp_path / "in.bmp").save(tmp_path / "in.bmp", dpi=(300, 150))
    picture = read_picture(tmp_path / "in.bmp")
    write_picture(tmp_path / "out.bmp", picture.values, picture)
    assert (tmp_path / "out.bmp").read_bytes() == (tmp_path / "in.bmp").read_bytes()
