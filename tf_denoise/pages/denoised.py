"""The page of `denoise --report`: pictures before and after, and how far each can be trusted."""

import base64
import dataclasses
import heapq
import io
import math
import os
import threading
import urllib.parse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import scipy.ndimage

from tf_denoise.errors import printable
from tf_denoise.pages.page import JSON_FILE, PAGE_FILE, TEMPLATES, render_page
from tf_denoise.runs.writing import atomic_path, write_json
from tf_denoise.uncertainty.assessment import Assessment

MOST_SHOWN = 24
"""Pictures that are shown large, the worst of all; the others stand in the index."""
_LARGE, _THUMB, _DETAIL = 960, 72, 128
_HEAT = [(0, 0, 4), (87, 16, 110), (188, 55, 84), (249, 142, 9), (252, 255, 164)]
_JPEG_LARGE, _JPEG_DETAIL, _JPEG_THUMB = 88, 95, 70


@dataclasses.dataclass(frozen=True)
class Detail:
    """A part of a picture at its own resolution.

    Attributes:
        caption: Why it is shown.
        before: Address of the noisy part, a JPEG picture within the page.
        after: That of the denoised part.
    """

    caption: str
    before: str
    after: str


@dataclasses.dataclass
class Entry:
    """A picture in the page.

    Attributes:
        name: What it is called.
        output: Path of the denoised file as seen from the page.
        link: The same as an address.
        megapixels: Its size.
        assessment: What can be said of it.
        thumb: Address of a small picture of the result.
        before: Address of the noisy picture, scaled down to 960 pixels; `None` of those that are not shown large.
        after: That of the denoised one.
        mean_half_width: Half the width of the intervals in the mean, with white at 1, or `None`.
        certainty: Address of the map of intervals, or `None`.
        details: Parts of it.
        note: A sentence on how it was made, or `None`.
    """

    name: str
    output: str
    link: str
    megapixels: float
    assessment: Assessment
    thumb: str
    mean_half_width: float | None = None
    before: str | None = None
    after: str | None = None
    certainty: str | None = None
    details: Sequence[Detail] = ()
    note: str | None = None

    @property
    def badness(self) -> tuple:
        """Orders pictures, the worst last: by warnings, then by estimated PSNR."""
        found = self.assessment
        psnr = found.at_least if found.after is None else found.after.psnr
        return len(found.warnings), -math.inf if psnr is None else -psnr

    def without_pictures(self) -> None:
        """Forget the large pictures."""
        self.before = self.after = self.certainty = None
        self.details = ()


class DenoisedReport:
    """Collects pictures as they are denoised, the worst of them large, and writes `report.html` and `report.json`.

    Several threads may add pictures.

    Args:
        folder: Where the page goes: the folder of the denoised files.
        facts: What is said of all of them, title and text.
        hint: A sentence on how to get intervals, where there are none.
    """

    def __init__(self, folder: Path, facts: Sequence[tuple[str, str]], hint: str | None = None):
        self.folder, self.facts, self.hint = folder, list(facts), hint
        self._entries: list[Entry] = []
        self._large: list[tuple[tuple, int, Entry]] = []
        self._lock = threading.Lock()

    def add(
        self,
        name: str,
        target: Path,
        noisy: np.ndarray,
        denoised: np.ndarray,
        assessment: Assessment,
        half_width: np.ndarray | None = None,
        note: str | None = None,
    ) -> None:
        """Take in a picture.

        Args:
            name: What it is called.
            target: The denoised file.
            noisy: Its pixels `(height, width, channels)`, uint8, uint16, or floating point with white at 1.
            denoised: What became of them.
            assessment: What can be said of the result.
            half_width: Half the width of the interval of each value, of the same shape, with white at 1.
            note: A sentence on how it was made.
        """
        before, after = _bytes_of(noisy), _bytes_of(denoised)
        place = target.relative_to(self.folder).as_posix()
        entry = Entry(
            name,
            printable(place),
            urllib.parse.quote(os.fsencode(place)),
            noisy.shape[0] * noisy.shape[1] / 1e6,
            assessment,
            thumb=_address(after, _THUMB, _JPEG_THUMB),
            mean_half_width=None if half_width is None else float(half_width.mean(dtype="float64")),
            before=_address(before, _LARGE, _JPEG_LARGE),
            after=_address(after, _LARGE, _JPEG_LARGE),
            certainty=None if half_width is None else _address(_heat(half_width), _LARGE, _JPEG_LARGE),
            details=[
                Detail(caption, _address(before[place], None, _JPEG_DETAIL), _address(after[place], None, _JPEG_DETAIL))
                for caption, place in _places(before, after, half_width)
            ],
            note=note,
        )
        with self._lock:
            self._entries.append(entry)
            heapq.heappush(self._large, (entry.badness, len(self._entries), entry))
            if len(self._large) > MOST_SHOWN:
                heapq.heappop(self._large)[-1].without_pictures()

    def write(self) -> Path:
        """Write both files; the path of the page.

        Raises:
            OSError: If they cannot be written.
        """
        entries = sorted(self._entries, key=lambda entry: entry.badness, reverse=True)
        records = [
            {
                "name": entry.name,
                "output": entry.output,
                **entry.assessment.record,
                "mean_half_width": entry.mean_half_width,
                "note": entry.note,
            }
            for entry in entries
        ]
        write_json(self.folder / JSON_FILE, {"facts": dict(self.facts), "pictures": records})
        page = render_page(
            TEMPLATES / "denoised.html",
            entries=entries,
            facts=self.facts,
            hint=self.hint,
            most_shown=MOST_SHOWN,
            filters={"level": lambda share: f"{255 * share:.1f}", "decibels": lambda value: f"{value:.1f}"},
        )
        path = self.folder / PAGE_FILE
        with atomic_path(path) as temporary:
            temporary.write_text(page, encoding="utf-8")
        return path


def _bytes_of(image: np.ndarray) -> np.ndarray:
    """An image as uint8, of 1 channel or 3."""
    white = 1.0 if image.dtype.kind == "f" else float(np.iinfo(image.dtype).max)
    if image.dtype == np.uint8:
        return image
    return np.round(255 * np.clip(image.astype("float32") / white, 0, 1)).astype("uint8")


def _address(image: np.ndarray, longest: int | None, quality: int) -> str:
    """A JPEG picture as an address that holds it, scaled down to a longest side."""
    picture = PIL.Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
    if longest is not None:
        picture.thumbnail((longest, longest), PIL.Image.Resampling.BOX, reducing_gap=None)
    file = io.BytesIO()
    picture.save(file, "jpeg", quality=quality, subsampling=0)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


def _heat(half_width: np.ndarray) -> np.ndarray:
    """A map of half widths as a picture: black 0, yellow a tenth of the range and more."""
    share = np.clip(half_width.mean(axis=-1) / 0.1, 0, 1)
    places = np.linspace(0, 1, len(_HEAT))
    return np.stack([np.interp(share, places, channel) for channel in zip(*_HEAT, strict=True)], -1).astype("uint8")


def _places(before: np.ndarray, after: np.ndarray, half_width: np.ndarray | None) -> list[tuple[str, Any]]:
    """The parts that are shown at full resolution: the one to doubt most, and the one with the finest detail."""
    side = min(_DETAIL, *before.shape[:2])
    removed = np.abs(before.astype("float32") - after).mean(axis=-1)
    fine = np.abs(np.diff(after.astype("float32").mean(axis=-1), axis=1, append=0))
    if half_width is None:
        doubtful, caption = removed, "Where most was removed"
    else:
        doubtful, caption = half_width.mean(axis=-1), "Where the intervals are widest"
    return [(caption, _window(doubtful, side)), ("Where the detail is finest", _window(fine, side))]


def _window(values: np.ndarray, side: int) -> tuple[slice, slice]:
    """The window of that side with the largest mean, within the picture."""
    means = scipy.ndimage.uniform_filter(values, side, mode="constant")
    half = side // 2
    inside = means[half : values.shape[0] - side + half + 1, half : values.shape[1] - side + half + 1]
    top, left = np.unravel_index(int(inside.argmax()), inside.shape)
    return slice(int(top), int(top) + side), slice(int(left), int(left) + side)
