"""How close pictures are to others: PSNR and SSIM for each file of two folders."""

import dataclasses
import math
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tf_denoise.errors import InputError
from tf_denoise.pictures.files import DECODABLE, PictureError, find_pictures, read_picture, shown, to_unit
from tf_denoise.pictures.partners import match_partners

_SSIM_SIDE = 11
_SSIM_ROWS = 4_000_000  # pixels of a strip: SSIM keeps a dozen copies


@dataclasses.dataclass(frozen=True)
class Comparison:
    """The measures of a picture.

    Attributes:
        name: Its path in the folder of clean pictures.
        psnr: In dB, at most 100; `None` if the two could not be compared.
        ssim: At most 1; `None` too for pictures smaller than 11 x 11.
        problem: A sentence if the two could not be compared.
    """

    name: str
    psnr: float | None = None
    ssim: float | None = None
    problem: str | None = None

    def __str__(self) -> str:
        """One line.

        Example:
            >>> print(Comparison("a.png", 31.5, 0.91))
            a.png: PSNR 31.50 dB, SSIM 0.9100
        """
        if self.problem is not None:
            return f"error: {self.problem}"
        similarity = "no SSIM (smaller than 11 x 11)" if self.ssim is None else f"SSIM {self.ssim:.4f}"
        return f"{self.name}: PSNR {self.psnr:.2f} dB, {similarity}"


def compare(clean: Path, denoised: Path) -> Iterator[Comparison]:
    """Compare two picture files, or the pictures of two folders that have the same path in them.

    Which belong together is said in `tf_denoise.pictures.partners.match_partners`: the suffix does not matter, nor do
    the endings `_raw` and `_noised`.

    Args:
        clean: A picture or a folder.
        denoised: A picture or a folder.

    Yields:
        A comparison for each clean picture, and for each denoised one that has no partner.

    Raises:
        InputError: If one is a file and the other a folder, if one does not exist, or if there is no picture.
    """
    for path in (clean, denoised):
        if not os.path.exists(path):
            raise InputError(f"{path} does not exist; expected a picture or a folder of pictures.")
    if os.path.isdir(clean) != os.path.isdir(denoised):
        raise InputError(f"Compare two pictures or two folders; received {clean} and {denoised}, one of each.")
    if not os.path.isdir(clean):
        yield _compared(shown(clean.name), clean, denoised)
        return
    left, right = ([path.relative_to(folder) for path in find_pictures(folder)] for folder in (clean, denoised))
    if not left and not right:
        raise InputError(f"Neither {clean} nor {denoised} holds a picture.")
    matched = match_partners(left, right)
    alone = set(matched.clean_alone)
    for place in left:
        name = shown(place.as_posix())
        if place in matched.pairs:
            yield _compared(name, clean / place, denoised / matched.pairs[place])
        elif place in alone:
            yield Comparison(name, problem=f"{shown(clean / place)} has no partner of the same name in {denoised}.")
    for other in matched.other_alone:
        problem = f"{shown(denoised / other)} has no partner of the same name in {clean}."
        yield Comparison(shown(other.as_posix()), problem=problem)


def _compared(name: str, clean: Path, denoised: Path) -> Comparison:
    try:
        pictures = [to_unit(read_picture(path, DECODABLE).values) for path in (clean, denoised)]
    except PictureError as error:
        return Comparison(name, problem=str(error))
    shapes = [picture.shape for picture in pictures]
    if shapes[0] != shapes[1]:
        extents = [f"{width} x {height} pixels of {channels} channels" for height, width, channels in shapes]
        return Comparison(
            name, problem=f"{shown(clean)} is {extents[0]} and {shown(denoised)} {extents[1]}; expected the same."
        )
    from evaluation.metrics import PSNR_LIMIT

    errors = [np.mean(np.square(a - b), dtype="float64") for a, b in zip(*pictures, strict=True)]  # row by row
    value = min(PSNR_LIMIT, -10 * math.log10(max(float(np.mean(errors)), 1e-10)))
    return Comparison(name, value, _similarity(*pictures))


def _similarity(clean: np.ndarray, denoised: np.ndarray) -> float | None:
    """SSIM of the whole picture, computed in strips that overlap by a window less one row."""
    from evaluation.metrics import ssim

    height, width = clean.shape[:2]
    if min(height, width) < _SSIM_SIDE:
        return None
    rows = max(1, _SSIM_ROWS // width)
    total, places = 0.0, height - _SSIM_SIDE + 1
    for start in range(0, places, rows):
        count = min(rows, places - start)
        strip = slice(start, start + count + _SSIM_SIDE - 1)
        total += count * float(ssim(clean[None, strip], denoised[None, strip], max_val=1.0)[0])
    return total / places
