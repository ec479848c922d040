"""PNG files: every bit depth and transparency by libpng, and all other chunks carried over as they are.

Nothing beside the pixels is inflated on the way, but a colour profile up to the size that its own header declares.
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tf_denoise.pictures.headers import Decoded, PictureHeader, UnsupportedError, orientation_of

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_KINDS = {0: "grey", 2: "colour", 3: "palette", 4: "grey with alpha", 6: "colour with alpha"}
_FOR_THE_DECODER = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_KEPT_BEFORE_PIXELS = {
    b"gAMA",
    b"cHRM",
    b"sRGB",
    b"iCCP",
    b"cICP",
    b"mDCV",
    b"cLLI",
    b"pHYs",
    b"sBIT",
    b"oFFs",
    b"eXIf",
}
_OF_NO_USE = (b"hIST", b"sPLT", b"bKGD")  # hints for screens of few colours, and a background in values of before
_MOST_PROFILE_BYTES = 32 * 2**20
_PROFILE_SLACK = 65_536  # some writers pad


def read_header(file: BinaryIO, size: int) -> tuple[PictureHeader, str | None]:
    """The header, and what is wrong with the file if its end chunk is missing."""
    chunks, is_whole = _headers(file, size)
    if b"CgBI" in chunks:
        raise UnsupportedError("is a PNG file of Apple's own kind (CgBI), which is not supported")
    if b"IHDR" not in chunks:
        raise ValueError("it has no header")
    width, height, bits, colour = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    if not width or not height or colour not in _KINDS:
        raise ValueError(f"its header declares {width} x {height} pixels of colour type {colour}")
    kind = _KINDS[colour]
    if kind == "grey" and bits == 1:
        kind = "1-bit"
    elif colour in (0, 2) and b"tRNS" in chunks:
        kind += " with alpha"
    if b"acTL" in chunks and (frames := int.from_bytes(chunks[b"acTL"][:4], "big")) != 1:
        kind = f"animated ({frames} frames)"
    header = PictureHeader(height, width, kind, max(bits, 8), "PNG", orientation_of(chunks.get(b"eXIf")))
    return header, None if is_whole else f"is truncated: its {size:,} bytes end before the picture does"


def _headers(file: BinaryIO, size: int) -> tuple[dict[bytes, bytes], bool]:
    """The small chunks that tell what the picture is, and whether its end chunk is there."""
    wanted = (b"IHDR", b"tRNS", b"eXIf", b"acTL", b"CgBI")
    chunks, position = {}, len(_SIGNATURE)
    while position + 12 <= size:
        file.seek(position)
        length, name = struct.unpack(">I4s", file.read(8))
        position += 12 + length
        if name == b"IEND":
            return chunks, position <= size
        if name in wanted and position <= size:
            chunks.setdefault(name, file.read(length))
    return chunks, False


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and content of each chunk; a wrong checksum is an error."""
    view, position = memoryview(data), len(_SIGNATURE)
    while position < len(data):
        length, name = struct.unpack_from(">I4s", data, position)
        end = position + 8 + length
        if struct.unpack_from(">I", data, end)[0] != zlib.crc32(view[position + 4 : end]):
            raise ValueError(f"the checksum of its {name.decode('latin-1')} chunk is wrong")
        yield name, data[position + 8 : end]
        position = end + 4
        if name == b"IEND":
            return


def _written(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def decode(path: Path) -> Decoded:
    """The pixels; kept are the chunks beside them, in two groups: before and after the pixels of the new file."""
    import imagecodecs

    chunks = list(_chunks(path.read_bytes()))
    data = _SIGNATURE + b"".join(_written(*chunk) for chunk in chunks if chunk[0] in _FOR_THE_DECODER)
    pixels = np.asarray(imagecodecs.png_decode(data))
    first, after, lost = [], [], []
    profile = exif = None
    is_palette = chunks[0][1][9] == 3
    for name, content in chunks:
        if name in _FOR_THE_DECODER or name in _OF_NO_USE or name == b"acTL":
            continue
        if name == b"iCCP":
            profile = _profile(content)
            if profile is None:
                lost.append("its colour profile, which is damaged")
                continue
        if name == b"eXIf":
            exif = content
        if name in _KEPT_BEFORE_PIXELS:
            if not (name == b"sBIT" and (is_palette or pixels.shape[2:] in ((2,), (4,)))):
                first.append((name, content))
        elif name[3] & 0x20 or name == b"tIME":  # by the standard: may be copied where the pixels were changed
            after.append((name, content))
        else:
            lost.append(f"its {name.decode('latin-1')} chunk")
    return Decoded(pixels, profile, exif, (first, after), tuple(dict.fromkeys(lost)))


def _profile(content: bytes) -> bytes | None:
    """The colour profile of an iCCP chunk, or `None` if it is not one of the size that it declares."""
    packed = content.partition(b"\0")[2][1:]
    inflate = zlib.decompressobj()
    try:
        start = inflate.decompress(packed, 128)
        declared = int.from_bytes(start[:4], "big")
        if len(start) < 128 or not 128 <= declared <= _MOST_PROFILE_BYTES:
            return None
        profile = start + inflate.decompress(inflate.unconsumed_tail, declared - 128 + _PROFILE_SLACK)
    except zlib.error:
        return None
    return profile if inflate.eof and len(profile) >= declared else None


def encode(path: Path, values: np.ndarray, like, orientation: int, quality: int) -> None:
    """Write the pixels, with the chunks of `like`."""
    import imagecodecs

    pixels = np.ascontiguousarray(values[..., 0] if values.shape[-1] == 1 else values)
    data = imagecodecs.png_encode(pixels, level=1, strategy=3, filter=16)  # as fast as it goes: run lengths
    first, after = like.kept or ((), ())
    header_end = len(_SIGNATURE) + 12 + 13
    end = len(data) - 12
    path.write_bytes(
        b"".join(
            (
                data[:header_end],
                *(_written(*chunk) for chunk in first),
                data[header_end:end],
                *(_written(*chunk) for chunk in after),
                data[end:],
            )
        )
    )
