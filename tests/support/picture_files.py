"""Picture files that tests make: whole ones, and every kind of bad one."""

import struct
import zlib
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image


def noise(height=24, width=20, channels=3, dtype="uint8", seed=0):
    """Random pixels `(height, width, channels)` over the whole range of a type."""
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, (height, width, channels), dtype, True)


def png(path: Path, pixels, colour_type: int, bits: int = 8, before=(), interlace: int = 0) -> Path:
    """A PNG file written by hand: `pixels` `(height, width, channels)` as its rows hold them."""

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2" if bits == 16 else "u1").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, interlace)
    chunks = [(b"IHDR", header), *before, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in chunks))
    return path


def smooth_photographs(folder, count: int = 12):
    """A folder of small smooth pictures in colour, 48 x 36 pixels."""
    rng = np.random.default_rng(0)
    for index in range(count):
        coarse = rng.integers(0, 256, (6, 8, 3), "uint8")
        Image.fromarray(coarse).resize((48, 36), Image.Resampling.BICUBIC).save(folder / f"{index:02}.png")
    return folder


def photograph(path: Path, height=64, width=48, channels=3, seed=0) -> Path:
    """A smooth random picture in the format of the suffix."""
    coarse = noise(5, 4, channels, seed=seed)
    image = Image.fromarray(coarse[..., 0] if channels == 1 else coarse).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    return path


def cut(path: Path, share: float = 0.6) -> Path:
    """Cut the end off a file."""
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    return path


def _empty(folder):
    path = folder / "empty.jpg"
    path.touch()
    return path


def _text(folder):
    path = folder / "text.png"
    path.write_text("no picture at all")
    return path


def _saved(name, mode, **options):
    def make(folder):
        pixels = noise()
        image = Image.fromarray(pixels).convert(mode) if mode != "LA" else Image.fromarray(pixels[..., :2], "LA")
        image.save(folder / name, **options)
        return folder / name

    return make


def _tiff(name, pixels, **options):
    def make(folder):
        tifffile.imwrite(folder / name, pixels, **options)
        return folder / name

    return make


def _mislabelled(folder):
    path = photograph(folder / "is_jpeg.jpg")
    return path.rename(folder / "is_jpeg.png")


def _bomb(folder):
    """A file of a few bytes that declares 900 megapixels."""
    return declared(png(folder / "bomb.png", noise(1, 1), 2), 30_000, 30_000)


def declared(path, width: int, height: int):
    """A PNG file whose header declares another size."""
    data = bytearray(path.read_bytes())
    data[16:24] = struct.pack(">II", width, height)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    path.write_bytes(data)
    return path


def _bmp_bomb(folder):
    path = photograph(folder / "bomb.bmp")
    data = bytearray(path.read_bytes())
    data[18:26] = struct.pack("<ii", 30_000, 30_000)
    path.write_bytes(data)
    return path


def _jpeg_bomb(folder):
    path = photograph(folder / "bomb.jpg", channels=1)
    data = bytearray(path.read_bytes())
    start = data.index(b"\xff\xc0") + 5
    data[start : start + 4] = struct.pack(">HH", 60_000, 60_000)
    path.write_bytes(data)
    return path


BAD = {
    "empty": (_empty, r"empty\.jpg is empty \(0 bytes\)\."),
    "text": (_text, r"text\.png is not a picture in PNG, JPEG, BMP or TIFF format\."),
    "gif": (_saved("gif.png", "L", format="GIF"), "is not a picture in PNG"),
    "missing": (lambda f: f / "missing.png", "missing.png cannot be read: No such file or directory"),
    "truncated jpeg": (lambda f: cut(photograph(f / "cut.jpg"), 0.9), r"cut\.jpg is truncated: it has no end marker"),
    "jpeg header only": (lambda f: cut(photograph(f / "cut.jpg"), 0.1), r"cut\.jpg is damaged or truncated: "),
    "truncated png": (lambda f: cut(photograph(f / "cut.png")), r"cut\.png is truncated: its [\d,]+ bytes end before"),
    "png without end": (lambda f: cut(photograph(f / "cut.png"), 0.995), r"cut\.png is truncated"),
    "truncated bmp": (lambda f: cut(photograph(f / "cut.bmp")), r"cut\.bmp is truncated: its [\d,]+ bytes end before"),
    "truncated tiff": (lambda f: cut(_tiff("cut.tif", noise())(f)), r"cut\.tif is truncated: its [\d,]+ bytes"),
    "tiff header only": (lambda f: cut(_tiff("cut.tif", noise())(f), 0.05), r"cut\.tif is damaged or truncated: "),
    "mislabelled": (_mislabelled, r"is_jpeg\.png is mislabelled: its content is JPEG, which \.png does not promise"),
    "png bomb": (_bomb, r"bomb\.png is 30000 x 30000 pixels, more than the 200 megapixels allowed \(a decompression"),
    "bmp bomb": (_bmp_bomb, r"bomb\.bmp is 30000 x 30000 pixels, more than the 200 megapixels allowed"),
    "jpeg bomb": (_jpeg_bomb, r"bomb\.jpg is 60000 x 60000 pixels, more than the 200 megapixels allowed"),
    "cmyk jpeg": (_saved("cmyk.jpg", "CMYK"), r"cmyk\.jpg is a CMYK picture; expected grey or colour"),
    "cmyk tiff": (_saved("cmyk.tif", "CMYK"), r"cmyk\.tif is a CMYK picture"),
    "palette png": (_saved("palette.png", "P"), r"palette\.png is a palette picture; expected grey or colour"),
    "palette bmp": (_saved("palette.bmp", "P"), r"palette\.bmp is a palette picture"),
    "palette tiff": (_saved("palette.tiff", "P"), r"palette\.tiff is a palette picture"),
    "alpha png": (_saved("alpha.png", "RGBA"), r"alpha\.png is a colour with alpha picture"),
    "grey alpha png": (_saved("alpha.png", "LA"), r"alpha\.png is a grey with alpha picture"),
    "transparent png": (_saved("t.png", "RGB", transparency=(1, 2, 3)), r"t\.png is a colour with alpha picture"),
    "transparent grey": (_saved("t.png", "L", transparency=3), r"t\.png is a grey with alpha picture"),
    "alpha tiff": (_saved("alpha.tif", "RGBA"), r"alpha\.tif is a colour with alpha picture"),
    "1-bit png": (_saved("bit.png", "1"), r"bit\.png is a 1-bit picture; expected grey or colour"),
    "1-bit bmp": (_saved("bit.bmp", "1"), r"bit\.bmp is a 1-bit picture"),
    "1-bit tiff": (_saved("bit.tif", "1"), r"bit\.tif is a 1-bit picture"),
    "pages": (_tiff("pages.tif", noise(6, 24, 20), photometric="minisblack"), r"pages\.tif is a 6-page picture"),
    "bands": (
        _tiff("bands.tif", noise(channels=5), photometric="rgb", planarconfig="contig"),
        r"bands\.tif is a colour 5-channel picture",
    ),
    "signed": (_tiff("signed.tif", noise()[..., 0].astype("int16")), r"signed\.tif is an int16 picture"),
    "deep": (_tiff("deep.tif", noise()[..., 0].astype("uint32")), r"deep\.tif is a 32-bit integer picture"),
}
"""Name to how the file is made, and the sentence that refuses it."""
