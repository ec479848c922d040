"""Where photographs come from: a folder, pairs of clean and noisy ones, or those that scikit-image embeds."""

import importlib.util
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from tf_denoise.data.photographs import Photograph, Photographs, counted
from tf_denoise.errors import InputError
from tf_denoise.extras import check_installed
from tf_denoise.paths import real_path
from tf_denoise.pictures.files import (
    FORMATS,
    PLAIN,
    STACK,
    PictureError,
    PictureHeader,
    find_pictures,
    inspect_picture,
    inspect_pictures,
    shown,
)
from tf_denoise.pictures.partners import match_partners
from tf_denoise.pictures.planes import next_planes
from tf_denoise.pictures.stacks import open_stack

LEAST_SIDE = 16
"""Photographs with a smaller side are refused as tiny."""
_MOST_REJECTED = 0.1
_EMBEDDED = {
    "grass.png": "train",
    "astronaut.png": "train",
    "camera.png": "test",
    "chelsea.png": "train",
    "ihc.png": "train",
    "moon.png": "train",
    "motorcycle_left.png": "train",
    "rocket.jpg": "train",
    "brick.png": "validation",
    "coins.png": "validation",
    "gravel.png": "test",
    "coffee.png": "test",
}


def load_folder(
    folder, channels: int | None = None, least_side: int = LEAST_SIDE, longest_side: int | None = None
) -> Photographs:
    """The photographs of a folder and of the folders in it. Headers are read, nothing is decoded.

    A stack (TIFF pages, ImageJ, OME, Zarr) is as many photographs as it has planes, named `STACK/0000` and so on.

    Args:
        folder: Where the PNG, JPEG, BMP and TIFF files and the folders of Zarr arrays lie.
        channels: 1 or 3; defaults to 3, or to 1 if all photographs are grey.
        least_side: The least height and width in pixels.
        longest_side: Photographs with a longer side are scaled down, each by the least whole number that brings it to
            this or below; defaults to none. It rids a photograph of the noise of its sensor and the blocks of JPEG.

    Returns:
        The photographs. Files that cannot be trained on stand in `rejected`, each with the reason.

    Raises:
        InputError: If there is no photograph, or more than a tenth of the files are rejected.
    """
    folder = _checked_folder(folder)
    headers, rejected = _inspected(folder, find_pictures(folder, stacks=True), least_side)
    members = [
        Photograph(name, header, path, factor=scale_factor(header, longest_side), plane=plane)
        for path, header in headers.items()
        for name, plane in _named_planes(folder, path, header)
    ]
    _check_rejected(folder, len(headers), len(headers) + len(rejected), rejected)
    return Photographs(
        members, _channels(members, channels), f"{counted(members)} from {shown(real_path(folder).name)}", rejected
    )


def load_next_planes(folder, channels: int | None = None, least_side: int = LEAST_SIDE) -> Photographs:
    """The planes of the stacks of a folder, each with the one before it as its twin: two shots of one scene.

    That holds where nothing moves from one to the next but the noise. Which planes follow each other is said in
    `tf_denoise.pictures.planes.next_planes`.

    Args:
        folder: Where the stacks lie.
        channels: 1 or 3; defaults to 3, or to 1 if all stacks are grey.
        least_side: The least height and width in pixels.

    Returns:
        Pairs, as `load_pairs` gives them. Files that are no stack stand in `rejected`.

    Raises:
        InputError: If there is no stack, or more than a tenth of the files are rejected.
    """
    folder = _checked_folder(folder)
    headers, rejected = _inspected(folder, find_pictures(folder, stacks=True), least_side)
    members, total = [], len(headers) + len(rejected)
    for path, header in headers.items():
        pairs = []
        if header.planes is not None:
            with open_stack(path) as stack:
                pairs = next_planes(stack.header)
        if not pairs:
            rejected[_name(folder, path)] = (
                "is no stack of several planes, and --noisy-twin next-plane takes these alone"
            )
        names = [name for name, _ in _named_planes(folder, path, header)]
        members += [
            Photograph(names[two], header, path, path, header, plane=two, noisy_plane=one) for one, two in pairs
        ]
    _check_rejected(folder, total - len(rejected), total, rejected)
    description = f"{len(members):,} pairs of neighbouring planes from {shown(real_path(folder).name)}"
    return Photographs(members, _channels(members, channels), description, rejected)


def _named_planes(folder: Path, path: Path, header: PictureHeader) -> list[tuple[str, int | None]]:
    """The names of what lies in a file, and the number of each plane of a stack."""
    name = _name(folder, path)
    return [(name, None)] if header.planes is None else [(f"{name}/{n:04}", n) for n in range(header.planes)]


def scale_factor(header: PictureHeader, longest_side: int | None) -> int:
    """By what a photograph is scaled down so that its longer side is at most `longest_side`; 1 without one.

    Its shorter side stays at 16 pixels or more.

    Example:
        >>> from types import SimpleNamespace
        >>> scale_factor(SimpleNamespace(height=2160, width=3840), 1536)
        3
    """
    if longest_side is None:
        return 1
    shorter, longer = sorted((header.height, header.width))
    return max(1, min(-(-longer // longest_side), shorter // LEAST_SIDE))


def load_pairs(clean_folder, noisy_folder, channels: int | None = None, least_side: int = LEAST_SIDE) -> Photographs:
    """Clean photographs and their noisy versions, matched by their path inside the two folders.

    Which belong together is said in `tf_denoise.pictures.partners.match_partners`: those of one name, whatever their
    suffix, and `NAME_raw` with `NAME_noised`. Both may lie in the same folder.

    Args:
        clean_folder: Where the clean photographs lie.
        noisy_folder: Where the noisy ones lie.
        channels: 1 or 3; defaults to 3, or to 1 if all photographs are grey.
        least_side: The least height and width in pixels.

    Returns:
        The photographs, named by the clean ones. A pair with a file that cannot be trained on stands in `rejected`.

    Raises:
        InputError: If a photograph has no partner or one of another size, if two have one name, if there is no pair,
            or if more than a tenth of the files are rejected.
    """
    clean_folder, noisy_folder = _checked_folder(clean_folder), _checked_folder(noisy_folder)
    matched = match_partners(_places(clean_folder), _places(noisy_folder))
    if matched.crowded:
        one, other = (shown(place) for place in matched.crowded)
        raise InputError(
            f"{one} and {other} lie in one folder and could each be the partner of the same photograph: expected one; "
            "rename one."
        )
    alone = [clean_folder / place for place in matched.clean_alone]
    alone += [noisy_folder / place for place in matched.other_alone]
    if alone:
        raise InputError(
            f"{_some(alone)} {'has' if len(alone) == 1 else 'have'} no partner: expected one file of the same name in "
            f"{clean_folder} and in {noisy_folder}, or NAME_raw and NAME_noised; add the partners or move these away."
        )
    pairs = {clean_folder / one: noisy_folder / other for one, other in matched.pairs.items()}
    headers, rejected = _inspected(clean_folder, pairs, least_side)
    noisy_headers, noisy_rejected = _inspected(noisy_folder, pairs.values(), least_side)
    rejected |= {f"{shown(real_path(noisy_folder).name)}/{name}": reason for name, reason in noisy_rejected.items()}
    members = []
    for path, partner in pairs.items():
        if path in headers and partner in noisy_headers:
            header, noisy_header = headers[path], noisy_headers[partner]
            if (header.height, header.width) != (noisy_header.height, noisy_header.width):
                raise InputError(
                    f"{shown(path)} is {header.width} x {header.height} pixels and its partner {shown(partner)} "
                    f"{noisy_header.width} x {noisy_header.height}; the two of a pair show the same in the same size: "
                    "cut one, or move both away."
                )
            if header.planes != noisy_header.planes:
                raise InputError(
                    f"{shown(path)} has {header.planes or 1} planes and its partner {shown(partner)} "
                    f"{noisy_header.planes or 1}: the two of a pair show the same; cut one, or move both away."
                )
            members += [
                Photograph(name, header, path, partner, noisy_header, plane=plane, noisy_plane=plane)
                for name, plane in _named_planes(clean_folder, path, header)
            ]
    _check_rejected(clean_folder, len({member.path for member in members}), len(pairs), rejected)
    description = (
        f"{counted(members)} from {shown(real_path(clean_folder).name)}, "
        f"noisy ones from {shown(real_path(noisy_folder).name)}"
    )
    return Photographs(members, _channels(members, channels), description, rejected)


def embedded_photographs(channels: int | None = None) -> Photographs:
    """Twelve photographs and textures that lie in scikit-image's wheel; nothing is ever downloaded.

    Their split is fixed: grass and seven photographs to train, brick and coins to validate, gravel and coffee to test.

    Args:
        channels: 1 or 3; defaults to 3: the grey ones, the three textures among them, are repeated to three channels.

    Raises:
        InputError: If scikit-image comes without them.
    """
    check_installed("skimage")
    folder = Path(importlib.util.find_spec("skimage").origin).parent / "data"
    missing = [name for name in _EMBEDDED if not os.path.isfile(folder / name)]
    if missing:
        raise InputError(
            f"scikit-image comes without {_some(missing)} here; reinstall it with pip install scikit-image, or name a "
            "folder of your own with --data FOLDER."
        )
    members = [Photograph(name, inspect_picture(folder / name), folder / name) for name in _EMBEDDED]
    description = "12 photographs and textures embedded in scikit-image"
    return Photographs(members, _channels(members, channels), description, parts=_EMBEDDED)


def _checked_folder(folder) -> Path:
    folder = Path(folder)
    if not os.path.isdir(folder):
        found = "is a file" if os.path.exists(folder) else "does not exist"
        raise InputError(f"{folder} {found}; expected a folder of photographs.")
    return folder


def _inspected(
    folder: Path, paths: Iterable[Path], least_side: int
) -> tuple[dict[Path, PictureHeader], dict[str, str]]:
    """The headers of the files that can be trained on, and name and reason of the others."""

    paths = list(paths)
    found = dict(zip(paths, inspect_pictures(paths, (*PLAIN, STACK), least_side), strict=True))
    headers = {path: header for path, header in found.items() if isinstance(header, PictureHeader)}
    return headers, {_name(folder, path): e.reason for path, e in found.items() if isinstance(e, PictureError)}


def _check_rejected(folder: Path, kept: int, total: int, rejected: dict[str, str]) -> None:
    if not total:
        raise InputError(f"{folder} holds no picture; expected files that end in {', '.join(FORMATS)}.")
    if kept and total - kept <= _MOST_REJECTED * total:
        return
    reasons = "; ".join(f"{name} {reason}" for name, reason in list(rejected.items())[:3])
    more = f"; and {len(rejected) - 3:,} more" if len(rejected) > 3 else ""
    share = "None" if not kept else f"Only {kept:,}"
    raise InputError(
        f"{share} of the {counted(range(total))} in {folder} can be trained on, and at most a tenth may fail: {reasons}"
        f"{more}. Mend these files or move them away."
    )


def _channels(members: Sequence[Photograph], channels: int | None) -> int:
    if channels not in (None, 1, 3):
        raise InputError(f"Photographs have 1 channel (grey) or 3 (colour); received channels={channels}.")
    headers = [header for m in members for header in (m.header, m.noisy_header) if header is not None]
    return channels or max(header.channels for header in headers)


def _places(folder: Path) -> list[Path]:
    return [path.relative_to(folder) for path in find_pictures(folder, stacks=True)]


def _name(folder: Path, path: Path) -> str:
    return shown(real_path(path).name if path == folder else path.relative_to(folder).as_posix())


def _some(names: Sequence) -> str:
    more = f" and {len(names) - 3:,} more" if len(names) > 3 else ""
    return ", ".join(map(shown, names[:3])) + more
