"""TIFF files: read by tifffile and imagecodecs once the header allows it, written as what they were."""

import dataclasses
import logging
import math
from pathlib import Path
from typing import BinaryIO

import numpy as np
import tifffile

from tf_denoise.errors import reason
from tf_denoise.pictures.headers import ORIENTATION_TAG, Decoded, PictureHeader, UnsupportedError
from tf_denoise.pictures.tiff_segments import check_codec, check_pictures_in_segments, problem_of_segments
from tf_denoise.pictures.tiff_tags import kept_tags, lost_tags

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # what it only logs is looked for here

_WHITE_IS_ZERO, _GREY, _RGB, _PALETTE, _YCBCR = 0, 1, 2, 3, 6
_KINDS = {_WHITE_IS_ZERO: "grey", _GREY: "grey", _RGB: "colour", _PALETTE: "palette"}
_OTHER_KINDS = {4: "transparency mask", 5: "CMYK", _YCBCR: "YCbCr", 8: "CIELAB", 9: "ICCLAB", 10: "ITULAB"}
_JPEG = 7
_ASSOCIATED, _UNASSOCIATED = 1, 2
_METAMORPH_PLANES = 33629  # a tag whose count is that of the planes


@dataclasses.dataclass(frozen=True)
class Storage:
    """How a TIFF file stores its picture, which the one that is written repeats.

    Attributes:
        options: Arguments of `tifffile.imwrite`.
        dtype: The type of the values.
        planes: Whether the channels are stored one after the other.
        white_is_zero: Whether 0 is white.
        is_premultiplied: Whether colours are stored multiplied by alpha. They are denoised as they are stored.
    """

    options: dict
    dtype: np.dtype
    planes: bool
    white_is_zero: bool
    is_premultiplied: bool


def read_header(file: BinaryIO, size: int) -> tuple[PictureHeader, str | None]:
    """The header, and what is wrong with the file if its data do not fill the picture."""
    with tifffile.TiffFile(file, _multifile=False) as tiff:
        page = tiff.pages[0]
        kind, bits = _kind(page)
        stacked, planes = _stack(tiff, page, size)
        kind = stacked or kind
        header = PictureHeader(page.imagelength, page.imagewidth, kind, bits, "TIFF", _orientation(page), planes)
        if not page.imagelength or not page.imagewidth:
            raise ValueError("its header declares no pixels")
        if kind not in (*_KINDS.values(), "grey with alpha", "colour with alpha") or bits not in (8, 16, 32):
            return header, None  # refused for that
        check_codec(page)
        return header, problem_of_segments(page, size)


def _kind(page: tifffile.TiffPage) -> tuple[str, int]:
    """What the picture is, and the bits of a value."""
    depths = page.bitspersample if isinstance(page.bitspersample, tuple) else (page.bitspersample,)
    bits, photometric = max(depths), int(page.photometric)
    if len(set(depths)) > 1:
        raise UnsupportedError(f"has values of {', '.join(map(str, depths))} bits; expected one depth for all channels")
    kind = _KINDS.get(photometric)
    if photometric == _YCBCR and page.compression == _JPEG:
        kind = "colour"  # its decoder gives red, green and blue
    if bits == 1:
        return "1-bit", 1
    if kind is None:
        name = getattr(page.photometric, "name", "").lower().replace("_", " ") or f"photometric-{photometric}"
        return _OTHER_KINDS.get(photometric, name), bits
    if page.dtype is None or page.dtype.kind not in "uf":
        return _typed(page, bits), bits
    if page.dtype.kind == "f":
        if photometric in (_WHITE_IS_ZERO, _PALETTE):
            return "floating-point white-is-zero or palette", 32
        bits = 32
    elif bits == 32:
        return "32-bit integer", bits
    return _with_extras(page, kind), bits


def _typed(page: tifffile.TiffPage, bits: int) -> str:
    if page.dtype is not None:
        return str(page.dtype)
    formats = {1: f"{bits}-bit", 2: f"signed {bits}-bit", 3: f"{bits}-bit floating-point"}
    return formats.get(int(page.sampleformat or 0), "undefined-type")


def _with_extras(page: tifffile.TiffPage, kind: str) -> str:
    colours, extras = 1 if kind in ("grey", "palette") else 3, tuple(int(extra) for extra in page.extrasamples)
    count = page.samplesperpixel
    if count == colours:
        return kind
    if kind != "palette" and count == colours + 1 and extras in ((_ASSOCIATED,), (_UNASSOCIATED,)):
        return f"{kind} with alpha"
    if count == colours + 1:
        return f"{kind} with an unspecified channel"
    return f"{kind} {count}-channel"


def _stack(tiff: tifffile.TiffFile, page: tifffile.TiffPage, size: int) -> tuple[str | None, int | None]:
    """The kind of a file that holds more than one picture, whatever tells so, or of one whose first is a preview.

    With it the number of planes, where these are what the file is about.
    """
    if page.subfiletype & 1:
        return "reduced (its first one is a preview)", None
    inner = [] if page.pages is None else list(page.pages)
    for other in [*tiff.pages[1:], *inner]:
        is_smaller = other.imagelength * other.imagewidth < page.imagelength * page.imagewidth
        if not other.subfiletype & 1 or not is_smaller:
            return f"{len(tiff.pages) + len(inner)}-page", len(tiff.pages) + len(inner)
        if other.subfiletype & 4:
            return "masked", None
    if page.imagedepth > 1:
        return f"{page.imagedepth}-plane", page.imagedepth
    if _METAMORPH_PLANES in page.tags and (count := page.tags[_METAMORPH_PLANES].count) > 1:
        return f"{count}-plane stack", count
    if tiff.is_imagej and (count := int((tiff.imagej_metadata or {}).get("images", 1))) > 1:
        return f"{count}-plane stack", count
    stored = max(1, math.prod(page.shape))
    try:
        described = max((math.prod(series.shape) for series in tiff.series[:1]), default=stored)
    except Exception as error:  # what damaged metadata raise is not to be foreseen
        raise ValueError(f"its description of stacks cannot be read: {reason(error)}") from None
    if described > stored:
        return f"{described // stored}-plane stack", described // stored
    pixels_end = page.dataoffsets[-1] + page.databytecounts[-1] if page.dataoffsets and page.databytecounts else size
    if page.compression == 1 and page.nbytes and size > pixels_end and (size - pixels_end) % page.nbytes == 0:
        planes = 1 + (size - pixels_end) // page.nbytes
        return f"{planes}-plane stack", planes
    return None, None


def _orientation(page: tifffile.TiffPage) -> int:
    tag = page.tags.get(ORIENTATION_TAG)
    return tag.value if tag is not None and tag.value in range(1, 9) else 1


def decode(path: Path) -> Decoded:
    """The pixels; kept is how they are stored, with the tags beside them.

    Raises:
        ValueError: If they are not what the header says.
    """
    with tifffile.TiffFile(path, _multifile=False) as tiff:
        page = tiff.pages[0]
        check_pictures_in_segments(page)
        pixels = page.asarray(maxworkers=1)
        if pixels.shape != page.shape or pixels.dtype != page.dtype:
            raise ValueError(
                f"its data are {pixels.dtype} {pixels.shape}, and its header says {page.dtype} {page.shape}"
            )
        profile = page.iccprofile if "InterColorProfile" in page.tags else None
        planes = page.planarconfig == 2 and page.samplesperpixel > 1
        storage = Storage(
            _options(tiff, page),
            page.dtype,
            planes,
            white_is_zero=page.photometric == _WHITE_IS_ZERO,
            is_premultiplied=_ASSOCIATED in page.extrasamples,
        )
        lost = lost_tags(tiff, page)
        if planes:
            pixels = np.moveaxis(pixels, 0, -1)
        if page.photometric == _PALETTE:
            pixels = (page.colormap[:, pixels].transpose(1, 2, 0) >> 8).astype("uint8")
            storage = dataclasses.replace(storage, dtype=np.dtype("uint8"))
    if storage.white_is_zero:
        pixels = _inverted(pixels)
    return Decoded(pixels, profile, None, storage, lost)


def _inverted(pixels: np.ndarray) -> np.ndarray:
    """Grey with 0 as white turned into grey with 0 as black, and back; alpha stays."""
    white = np.iinfo(pixels.dtype).max
    if pixels.ndim == 2:
        return white - pixels
    return np.concatenate([white - pixels[..., :1], pixels[..., 1:]], axis=-1)


def _options(tiff: tifffile.TiffFile, page: tifffile.TiffPage) -> dict:
    resolution, unit, tags = kept_tags(page)
    return {
        "byteorder": tiff.byteorder,
        "bigtiff": tiff.is_bigtiff,
        "resolution": resolution,
        "resolutionunit": unit,
        "extratags": tags,
    }


def encode(path: Path, values: np.ndarray, like, orientation: int, quality: int) -> None:
    """Write the pixels as those of `like` are stored, compressed by zlib, with its tags."""
    storage: Storage = like.kept
    channels = values.shape[-1]
    pixels = values.astype(storage.dtype, copy=False)
    if storage.white_is_zero:
        pixels = _inverted(pixels)
    colour = channels > 2
    alpha = {True: "assocalpha", False: "unassalpha"}[storage.is_premultiplied]
    options = dict(storage.options)
    extra_tags = [*options.pop("extratags"), (ORIENTATION_TAG, 3, 1, orientation, True)]
    if channels == 1:
        pixels = pixels[..., 0]
    elif storage.planes:
        pixels = np.moveaxis(pixels, -1, 0)
    tifffile.imwrite(
        path,
        np.ascontiguousarray(pixels),
        photometric="rgb" if colour else "miniswhite" if storage.white_is_zero else "minisblack",
        planarconfig=None if channels == 1 else "separate" if storage.planes else "contig",
        extrasamples=[alpha] if channels in (2, 4) else None,
        compression="zlib",
        iccprofile=like.profile,
        extratags=extra_tags,
        metadata=None,
        software=False,
        **options,
    )
