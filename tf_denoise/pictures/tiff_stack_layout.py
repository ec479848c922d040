"""Where the planes of a TIFF stack lie: what ImageJ, OME, tifffile and plain pages say of their axes."""

import dataclasses
import math

import tifffile

from tf_denoise.pictures.headers import UnsupportedError

_METAMORPH = 33629
_FOREIGN = {
    "lsm": "Zeiss LSM",
    "fluoview": "FluoView",
    "nih": "NIH Image",
    "ndpi": "Hamamatsu NDPI",
    "svs": "Aperio SVS",
    "scn": "Leica SCN",
    "bif": "Ventana BIF",
    "qpi": "PerkinElmer QPI",
    "philips": "Philips",
}
"""Kinds of TIFF whose private tags say where planes lie: written again, these would be wrong."""


@dataclasses.dataclass(frozen=True)
class Layout:
    """Where planes lie.

    Attributes:
        format: As in `StackHeader`.
        axes: As in `StackHeader`.
        sizes: As in `StackHeader`.
        pages: The number of the page that holds each plane, the last axis first.
        offset: Where the first plane begins, in a file that has one page for all of them; otherwise `None`.
    """

    format: str
    axes: str
    sizes: tuple[int, ...]
    pages: range | list[int]
    offset: int | None = None


def layout_of(tiff: tifffile.TiffFile) -> Layout:
    """Find the planes.

    Raises:
        UnsupportedError: If there are several series, planes in other files, or planes that nothing describes.
    """
    page = tiff.pages[0]
    foreign = next((name for flag, name in _FOREIGN.items() if getattr(tiff, f"is_{flag}", False)), None)
    foreign = "MetaMorph" if _METAMORPH in page.tags else foreign
    if foreign:
        raise UnsupportedError(f"is a stack of the kind {foreign}; expected plain pages, ImageJ or OME: convert it")
    if page.imagedepth > 1:
        raise UnsupportedError(f"holds {page.imagedepth} planes in one page; expected a page for each")
    if tiff.is_ome:
        return _of_ome(tiff)
    if tiff.is_imagej:
        return _of_imagej(tiff, page)
    if tiff.is_shaped:
        return _of_shape(tiff, page)
    if len(tiff.pages) == 1:
        raise UnsupportedError("has data for several planes behind one page, and nothing says what they are")
    return Layout("TIFF", "I", (len(tiff.pages),), range(len(tiff.pages)))


def _of_ome(tiff: tifffile.TiffFile) -> Layout:
    found = tiff.series
    if len(found) == 1 and found[0].kind != "ome":
        raise UnsupportedError("has OME metadata that do not describe its pages")
    if len(found) != 1:
        raise UnsupportedError(f"holds {len(found)} series of pictures; expected one stack: split it")
    series = found[0]
    axes, sizes = _leading(series.axes, series.shape)
    count = math.prod(sizes)
    if not axes or count != len(series.pages):
        raise UnsupportedError(f"has unknown axes: its OME metadata say {series.axes} of {series.shape}")
    pages = [series.pages[number] for number in range(count)]
    missing = sum(page is None for page in pages)
    if missing:
        raise UnsupportedError(f"lacks {missing} of the {count} planes that its OME metadata name")
    numbers = [page.index for page in pages]
    if sorted(numbers) != list(range(len(tiff.pages))):
        raise UnsupportedError(f"has {len(tiff.pages)} pages, and its OME metadata name {count} planes elsewhere")
    return Layout("OME-TIFF", axes, sizes, numbers)


def _leading(axes: str, shape: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
    """The axes before those of a plane and their lengths; none where they do not come before."""
    found = [(axis, size) for axis, size in zip(axes, shape, strict=True) if axis not in "YXS"]
    leading = "".join(axis for axis, _ in found)
    return (leading if axes.startswith(leading) else ""), tuple(size for _, size in found)


def _of_imagej(tiff: tifffile.TiffFile, page: tifffile.TiffPage) -> Layout:
    metadata = tiff.imagej_metadata or {}
    count = int(metadata.get("images", 1))
    letters = {"t": ("T", "frames"), "z": ("Z", "slices"), "c": ("C", "channels")}
    order = [letters[one] for one in reversed(metadata.get("order", "czt")) if one in letters]
    axes = [(letter, int(metadata[key])) for letter, key in order if int(metadata.get(key, 1)) > 1]
    if math.prod(size for _, size in axes) != count:
        axes = [("I", count)]
    layout = Layout("ImageJ TIFF", "".join(a for a, _ in axes), tuple(size for _, size in axes), range(count))
    return _checked(tiff, page, layout, "ImageJ")


def _of_shape(tiff: tifffile.TiffFile, page: tifffile.TiffPage) -> Layout:
    described = list(tiff.shaped_metadata or [])
    if len(described) != 1:
        raise UnsupportedError(f"holds {len(described)} series of pictures; expected one stack: split it")
    shape, axes = tuple(described[0].get("shape", ())), described[0].get("axes", "")
    fits = (place for place in range(1, len(shape)) if math.prod(shape[place:]) == math.prod(page.shape))
    sizes = shape[: next(fits, 0)]
    if not sizes:
        raise UnsupportedError(f"has unknown axes: its description says {shape}, and its pages are {page.shape}")
    axes = axes[: len(sizes)] if len(axes) == len(shape) else "Q" * len(sizes)
    return _checked(tiff, page, Layout("TIFF", axes, sizes, range(math.prod(sizes))), "its description")


def _checked(tiff: tifffile.TiffFile, page: tifffile.TiffPage, layout: Layout, who: str) -> Layout:
    """The layout, of one page for all planes where there is one."""
    count, found = len(layout.pages), len(tiff.pages)
    if found == count:
        return layout
    if found != 1 or page.compression != 1 or not page.is_contiguous or (page.planarconfig == 2 and page.ndim > 2):
        raise UnsupportedError(f"has {found} pages, and {who} names {count} planes")
    return dataclasses.replace(layout, offset=page.dataoffsets[0])
