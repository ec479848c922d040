"""TIFF stacks: multi-page, ImageJ and OME files, read and written a page at a time with what stands beside each."""

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile

from tf_denoise.errors import reason
from tf_denoise.pictures.headers import PictureError, UnsupportedError
from tf_denoise.pictures.planes import Chosen, Stack, StackHeader, check_finite, count_of, everything
from tf_denoise.pictures.tiff_segments import check_codec, check_pictures_in_segments, problem_of_segments
from tf_denoise.pictures.tiff_stack_layout import Layout, layout_of
from tf_denoise.pictures.tiff_stack_metadata import (
    imagej_description,
    imagej_tags,
    ome_description,
    shaped_description,
)
from tf_denoise.pictures.tiff_tags import OF_STACKS, kept_tags, lost_tags
from tf_denoise.runs.writing import atomic_path

_DESCRIPTION, _IMAGEJ_TAGS, _PROFILE = 270, (50838, 50839), 34675
_WHITE_IS_ZERO, _GREY, _RGB, _PALETTE, _YCBCR = 0, 1, 2, 3, 6
_JPEG = 7
_LOSSLESS = {1: None, 5: "lzw", 8: "zlib", 32946: "deflate", 32773: "packbits", 34925: "lzma", 50000: "zstd"}
"""Compressions that are kept; others become zlib, as they would lose a second time."""
_ALPHA = {1: "assocalpha", 2: "unassalpha"}
_CLASSIC = 2**32 - 2**25  # bytes that fit into a file of 32-bit offsets, with some for tags


@dataclasses.dataclass(frozen=True)
class _Pixels:
    """How pages store their pixels: what must be the same in all."""

    height: int
    width: int
    samples: int
    dtype: np.dtype | None
    photometric: int
    apart: bool
    extras: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.width} x {self.height} pixels of {self.samples} x {self.dtype}"


def _pixels_of(page: tifffile.TiffPage) -> _Pixels:
    samples = page.samplesperpixel
    apart = page.planarconfig == 2 and samples > 1
    extras = tuple(int(extra) for extra in page.extrasamples)
    return _Pixels(page.imagelength, page.imagewidth, samples, page.dtype, int(page.photometric), apart, extras)


class TiffStack(Stack):
    """A TIFF file of many planes.

    Args:
        path: The file.

    Raises:
        UnsupportedError: If it is a sound file of a kind that is not taken.
        ValueError: If it is damaged.
    """

    def __init__(self, path: Path):
        self._file = open(path, "rb")  # noqa: SIM115 - it stays open
        try:
            with tifffile.TiffFile(path, _multifile=False) as once:  # what it holds of every page then goes
                self._layout: Layout = layout_of(once)
            self._tiff = tifffile.TiffFile(self._file, _multifile=False)
            page = self._tiff.pages[0]
            self._pixels = _pixels_of(page)
            colours = _colours(page, self._pixels, self._layout.format)
            check_codec(page)
            header = StackHeader(
                self._layout.format,
                self._layout.axes,
                self._layout.sizes,
                page.imagelength,
                page.imagewidth,
                colours,
                page.dtype,
                white_is_zero=self._pixels.photometric == _WHITE_IS_ZERO,
            )
            lost = lost_tags(self._tiff, page, is_stack=True)
            if int(page.compression) not in _LOSSLESS:
                name = getattr(page.compression, "name", "lossy")
                lost = (*lost, f"its {name} compression")
            super().__init__(path, header, lost)
            self._latest: tifffile.TiffPage | None = None
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def check(self) -> None:
        """Look at the tags of every page, without decoding a pixel.

        Raises:
            PictureError: If a page is of another size or type, or its data are not all there.
        """
        size = os.fstat(self._file.fileno()).st_size
        if self._layout.offset is not None:
            needed = self._layout.offset + self.header.planes * self._tiff.pages[0].nbytes
            if needed > size:
                raise PictureError(self.path, f"is truncated: its {size:,} bytes end before its last plane does")
            return
        for number in self._layout.pages:
            page = self._page(number)
            check_codec(page)
            problem = problem_of_segments(page, size)
            if problem:
                raise PictureError(self.path, f"{problem} (page {number}, counted from 0)")

    def _page(self, number: int) -> tifffile.TiffPage:
        if self._latest is not None and self._latest.index == number:
            return self._latest
        self._latest = page = self._tiff.pages[number]
        if _pixels_of(page) != self._pixels:
            raise PictureError(
                self.path,
                f"has ragged pages: page {number}, counted from 0, is {_pixels_of(page)}, and page 0 {self._pixels}; "
                "the planes of a stack are alike",
            )
        return page

    def plane(self, index: int) -> np.ndarray:
        """A plane `(height, width, channels)`."""
        return self._samples(index)[..., : self.header.channels]

    def _samples(self, index: int) -> np.ndarray:
        """A plane with its alpha."""
        try:
            if self._layout.offset is not None:
                pixels = self._from_run(index)
            else:
                page = self._page(self._layout.pages[index])
                check_pictures_in_segments(page)
                pixels = page.asarray(maxworkers=1)
        except PictureError:
            raise
        except Exception as error:  # what a decoder raises at damaged data is not to be foreseen
            raise PictureError(self.path, f"is damaged: its plane {index} cannot be decoded: {reason(error)}") from None
        if pixels.ndim == 2:
            pixels = pixels[..., None]
        elif self._pixels.apart:
            pixels = np.moveaxis(pixels, 0, -1)
        expected = self._pixels.height, self._pixels.width, self._pixels.samples
        if pixels.shape != expected or pixels.dtype != self.header.dtype:
            raise PictureError(self.path, f"is damaged: its plane {index} was decoded to {pixels.dtype} {pixels.shape}")
        check_finite(self.path, index, pixels)
        return pixels.astype(self.header.dtype, order="C", copy=False)

    def _from_run(self, index: int) -> np.ndarray:
        page = self._tiff.pages[0]
        self._file.seek(self._layout.offset + index * page.nbytes)
        data = self._file.read(page.nbytes)
        return np.frombuffer(data, page.dtype.newbyteorder(self._tiff.byteorder)).reshape(page.shape)

    def write(self, target: Path, chosen: Chosen, change: Callable[[np.ndarray], np.ndarray]) -> None:
        """Write a file of the same kind."""
        indices, is_whole = list(self.indices(chosen)), chosen == everything(self.header)
        if is_whole:  # what stands in the metadata of where planes lie then stays true
            indices.sort(key=self._layout.pages.__getitem__)
        channels = self.header.channels

        def changed(index: int) -> np.ndarray:
            pixels = self._samples(index)
            return np.concatenate([change(pixels[..., :channels]), pixels[..., channels:]], axis=-1)

        with atomic_path(Path(target)) as temporary:
            is_run = self._layout.offset is not None
            options = {"byteorder": self._tiff.byteorder, "bigtiff": self._needs_bigtiff(count_of(chosen))}
            with tifffile.TiffWriter(temporary, **options) as writer:
                for place, index in enumerate(indices[:1] if is_run else indices):
                    pixels = changed(index)
                    page = self._tiff.pages[0] if is_run else self._page(self._layout.pages[index])
                    first = [] if is_whole or place else self._first_tags(chosen, indices)
                    self._write_page(writer, page, pixels, first)
            if is_run:
                self._write_run(temporary, map(changed, indices))

    def _needs_bigtiff(self, planes: int) -> bool:
        page = self._tiff.pages[0]
        if self._tiff.is_bigtiff or self._layout.offset is not None:
            return self._tiff.is_bigtiff
        is_kept = int(page.compression) in _LOSSLESS and int(page.compression) != 1
        return (self._tiff.filehandle.size if is_kept else planes * page.nbytes) > _CLASSIC

    def _write_page(
        self, writer: tifffile.TiffWriter, page: tifffile.TiffPage, pixels: np.ndarray, first: list
    ) -> None:
        """Write a plane as its page stores it, with its tags; `first` takes the place of those of the container."""
        of_container = {_DESCRIPTION, *_IMAGEJ_TAGS} if first else set()
        resolution, unit, tags = kept_tags(page, others=OF_STACKS, without=of_container)
        code, is_palette = int(page.compression), self._pixels.photometric == _PALETTE
        compression = _LOSSLESS.get(code, "zlib")
        is_predicted = code in _LOSSLESS and compression is not None and int(page.predictor) != 1
        is_tiled = page.is_tiled and page.tilewidth % 16 == 0 and page.tilelength % 16 == 0
        if self._pixels.samples == 1:
            pixels = pixels[..., 0]
        elif self._pixels.apart:
            pixels = np.moveaxis(pixels, -1, 0)
        names = {_WHITE_IS_ZERO: "miniswhite", _GREY: "minisblack", _PALETTE: "palette"}
        writer.write(
            np.ascontiguousarray(pixels),
            photometric=names.get(self._pixels.photometric, "rgb"),
            planarconfig=None if self._pixels.samples == 1 else "separate" if self._pixels.apart else "contig",
            extrasamples=[_ALPHA[extra] for extra in self._pixels.extras] or None,
            colormap=page.colormap if is_palette else None,
            compression=compression,
            predictor=int(page.predictor) if is_predicted else None,
            tile=(page.tilelength, page.tilewidth) if is_tiled else None,
            rowsperstrip=None if page.is_tiled else min(page.rowsperstrip, page.imagelength),
            subfiletype=int(page.subfiletype),
            iccprofile=page.iccprofile if _PROFILE in page.tags else None,
            resolution=resolution,
            resolutionunit=unit,
            extratags=[*first, *tags],
            metadata=None,
            software=False,
        )

    def _first_tags(self, chosen: Chosen, indices: list[int]) -> list[tuple]:
        """The tags of the first page of a part of the planes that speak of all of them."""
        page, header, byteorder = self._tiff.pages[0], self.header, self._tiff.byteorder
        if header.format == "ImageJ TIFF":
            text = imagej_description(page.description, header, chosen).encode("utf-8", "replace")
            own = imagej_tags(self._tiff.imagej_metadata or {}, header, chosen, indices, byteorder)
        elif header.format == "OME-TIFF":
            text, own = ome_description(page.description, header, chosen), []
        elif self._tiff.is_shaped:
            text, own = shaped_description(page.shaped_description, chosen).encode(), []
        else:
            return []
        return [(_DESCRIPTION, 2, len(text) + 1, text + b"\0", True), *own]

    def _write_run(self, path: Path, planes) -> None:
        """Write the planes one after the other, where the file has one page for all."""
        with tifffile.TiffFile(path) as written:
            offset = written.pages[0].dataoffsets[0]
        with open(path, "r+b") as file:
            file.seek(offset)
            for pixels in planes:
                file.write(pixels.astype(pixels.dtype.newbyteorder(self._tiff.byteorder), copy=False).tobytes())
            file.truncate()


def _colours(page: tifffile.TiffPage, pixels: _Pixels, container: str) -> int:
    """1 for grey and 3 for colour.

    Raises:
        UnsupportedError: If a page is neither.
    """
    depths = page.bitspersample if isinstance(page.bitspersample, tuple) else (page.bitspersample,)
    dtype = pixels.dtype
    if dtype is None or dtype.kind not in "uif" or set(depths) != {8 * dtype.itemsize} or dtype in ("int64", "uint64"):
        bits = ", ".join(map(str, sorted(set(depths))))
        raise UnsupportedError(
            f"is a stack of {bits} bits a value ({dtype}); expected integers of 8, 16 or 32, or floating point"
        )
    is_colour = pixels.photometric == _RGB or (pixels.photometric == _YCBCR and page.compression == _JPEG)
    has_table = pixels.photometric == _PALETTE and container != "TIFF"  # of intensities there, of no order elsewhere
    if not is_colour and not has_table and pixels.photometric not in (_WHITE_IS_ZERO, _GREY):
        name = getattr(page.photometric, "name", str(pixels.photometric)).lower()
        raise UnsupportedError(f"is a stack of {name} pages; expected grey or colour")
    colours = 3 if is_colour else 1
    if pixels.samples != colours and not (pixels.samples == colours + 1 and pixels.extras in ((1,), (2,))):
        raise UnsupportedError(f"has {pixels.samples} values a pixel; expected 1 (grey) or 3 (colour), and alpha")
    return colours
