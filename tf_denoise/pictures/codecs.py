"""Pixels out of and into the bytes of picture files, format by format.

A decoder takes a path and gives `(pixels, profile, exif)`: pixels `(height, width)` or `(height, width, channels)` as
stored, alpha last. An encoder takes a path and the same, channels always there.
"""

import contextlib
import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import tifffile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.Image import fromarray
from PIL.JpegImagePlugin import JpegImageFile

from tf_denoise.pictures.headers import ORIENTATION_TAG, png_chunks


def _decode_png(path: Path):
    data = path.read_bytes()
    chunks, _ = png_chunks(io.BytesIO(data), len(data))
    _check_sums(data)
    pixels = _decoded_by_opencv(data)  # the one decoder at hand that keeps 16-bit colour
    if chunks[b"IHDR"][9] == 4:  # grey with alpha, which OpenCV makes colour
        pixels = pixels[..., [0, 3]]
    profile = None
    if b"iCCP" in chunks:
        with contextlib.suppress(zlib.error):
            profile = zlib.decompress(chunks[b"iCCP"].partition(b"\0")[2][1:])
    return pixels, profile, chunks.get(b"eXIf")


def _check_sums(data: bytes) -> None:
    view, position = memoryview(data), 8
    while position < len(data):
        length, name = struct.unpack_from(">I4s", data, position)
        end = position + 8 + length
        if struct.unpack_from(">I", data, end)[0] != zlib.crc32(view[position + 4 : end]):
            raise ValueError(f"the checksum of its {name.decode('latin-1')} chunk is wrong")
        position = end + 4
        if name == b"IEND":
            break


def _decoded_by_opencv(data: bytes) -> np.ndarray:
    pixels = cv2.imdecode(np.frombuffer(data, "uint8"), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise ValueError("its compressed data are damaged")
    return _colours_reversed(pixels)


def _colours_reversed(pixels: np.ndarray) -> np.ndarray:
    """Between OpenCV's blue-green-red and red-green-blue."""
    if pixels.ndim == 2 or pixels.shape[-1] < 3:
        return pixels
    return pixels[..., [2, 1, 0, *range(3, pixels.shape[-1])]]


def _decode_jpeg(path: Path):
    with open(path, "rb") as file:
        image = JpegImageFile(file)
        return np.asarray(image), image.info.get("icc_profile"), image.info.get("exif")


def _decode_bmp(path: Path):
    with open(path, "rb") as file:
        image = BmpImageFile(file)
        return np.asarray(image.convert("RGB") if image.mode == "P" else image), None, None


def _decode_tiff(path: Path):
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[0]
        profile = page.iccprofile if "InterColorProfile" in page.tags else None
        try:
            pixels = page.asarray()
        except (ValueError, KeyError) as error:
            if "imagecodecs" not in str(error):  # what tifffile asks for where it cannot decompress by itself
                raise
            return _tiff_by_opencv(path.read_bytes(), page), profile, None
        if page.axes.startswith("S"):
            pixels = np.moveaxis(pixels, 0, -1)
        if int(page.photometric) == 3:
            pixels = (page.colormap[:, pixels].transpose(1, 2, 0) >> 8).astype("uint8")
        return pixels, profile, None


def _tiff_by_opencv(data: bytes, page: tifffile.TiffPage) -> np.ndarray:
    tag = page.tags.get(ORIENTATION_TAG)
    if tag is not None:  # pixels are wanted as stored, which OpenCV would turn
        upright = struct.pack(f"{page.parent.byteorder}H", 1)
        data = data[: tag.valueoffset] + upright + data[tag.valueoffset + 2 :]
    return _decoded_by_opencv(data)


def _encode_png(path: Path, values, profile, exif, orientation: int) -> None:
    if values.shape[-1] == 2:  # OpenCV writes no grey with alpha
        values = values[..., [0, 0, 0, 1]]
    data = cv2.imencode(".png", _colours_reversed(values))[1].tobytes()
    extra = b""
    if profile:
        extra += _png_chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(profile))
    if exif:
        extra += _png_chunk(b"eXIf", exif)
    after_header = 8 + 12 + 13
    path.write_bytes(data[:after_header] + extra + data[after_header:])


def _png_chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _encode_jpeg(path: Path, values, profile, exif, orientation: int, quality: int) -> None:
    options = {"icc_profile": profile} if profile else {}
    options |= {"exif": exif} if exif else {}
    _pillow_image(values).save(path, "JPEG", quality=quality, subsampling=0, **options)


def _encode_bmp(path: Path, values, profile, exif, orientation: int) -> None:
    _pillow_image(values).save(path, "BMP")


def _pillow_image(values):
    return fromarray(values[..., 0] if values.shape[-1] == 1 else values)


def _encode_tiff(path: Path, values, profile, exif, orientation: int) -> None:
    channels = values.shape[-1]
    tifffile.imwrite(
        path,
        values if channels > 1 else values[..., 0],
        photometric="rgb" if channels > 2 else "minisblack",
        planarconfig="contig" if channels > 1 else None,
        extrasamples=["unassalpha"] if channels in (2, 4) else None,
        compression="zlib",
        iccprofile=profile,
        extratags=[(ORIENTATION_TAG, 3, 1, orientation, True)],
        metadata=None,
    )


DECODERS = {"PNG": _decode_png, "JPEG": _decode_jpeg, "BMP": _decode_bmp, "TIFF": _decode_tiff}
ENCODERS = {"PNG": _encode_png, "JPEG": _encode_jpeg, "BMP": _encode_bmp, "TIFF": _encode_tiff}
