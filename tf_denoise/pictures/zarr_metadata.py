"""What lies around the array of a Zarr stack: which array it is, its axes, the copy of all that is not its chunks."""

import dataclasses
import json
import os
import shutil
import warnings
from pathlib import Path
from typing import Any

from tf_denoise.pictures.headers import UnsupportedError

_ARRAY_FILES = ("zarr.json", ".zarray", ".zattrs")


@dataclasses.dataclass(frozen=True)
class Found:
    """The array of a stack.

    Attributes:
        array: The `zarr.Array`.
        place: Its folder inside that of the stack.
        image: The folder of the OME-Zarr image inside that of the stack, or `None`.
        axes: Names of the axes, where there are any.
        others: Folders inside that of the stack that hold smaller copies.
    """

    array: Any
    place: str
    image: str | None
    axes: tuple[str | None, ...] | None
    others: tuple[str, ...] = ()


def find_array(zarr, path: Path) -> Found:
    """The array of a folder, or the one array, or the first one of the one OME-Zarr image, of a group.

    Raises:
        UnsupportedError: If there is none, or it is not said which of several.
    """
    node = zarr.open(path, mode="r")
    return _of_array(node, "") if isinstance(node, zarr.Array) else _of_group(node, path, "")


def _of_array(array, place: str, image: str | None = None, axes=None, others: tuple[str, ...] = ()) -> Found:
    names = axes or getattr(array.metadata, "dimension_names", None) or array.attrs.get("_ARRAY_DIMENSIONS")
    return Found(array, place, image, None if names is None else tuple(names), others)


def _of_group(group, path: Path, place: str) -> Found:
    scales = _multiscales(dict(group.attrs))
    inside = f"{place}/" if place else ""
    if scales:
        if len(scales) > 1:
            raise UnsupportedError(f"holds {len(scales)} multiscale images in one group; expected one")
        axes = [axis.get("name") if isinstance(axis, dict) else axis for axis in scales[0].get("axes", ())]
        first, *others = (inside + dataset["path"] for dataset in scales[0]["datasets"])
        array = group[scales[0]["datasets"][0]["path"]]
        return _of_array(array, first, place, axes, tuple(others))
    arrays, groups = sorted(name for name, _ in group.arrays()), sorted(name for name, _ in group.groups())
    groups = [name for name in groups if name != "OME"]
    if len(arrays) == 1:
        return _of_array(group[arrays[0]], inside + arrays[0])
    if not arrays and len(groups) == 1:
        return _of_group(group[groups[0]], path, inside + groups[0])
    if not arrays and not groups:
        raise UnsupportedError("is a Zarr without arrays")
    there = arrays or groups
    raise UnsupportedError(
        f"holds {len(there)} {'arrays' if arrays else 'groups'} and does not say which is meant; give one of them, "
        f"such as {path / inside / there[0]}"
    )


def _multiscales(attributes: dict) -> list[dict]:
    found = attributes.get("ome", attributes).get("multiscales", [])
    return [one for one in found if one.get("datasets")]


def copy_around(zarr, source: Path, target: Path, found: Found, part: tuple | None = None) -> None:
    """Copy a Zarr folder without the chunks of its array and without smaller copies.

    Args:
        zarr: The module.
        source: The folder of the stack.
        target: The folder to fill.
        found: What lies in it.
        part: The new shape and the channels that are taken, where only some planes are: what lies beside the array,
            such as labels, is then left out, as it would not fit.
    """
    on_the_way = {Path(found.place), *Path(found.place).parents}
    is_consolidated = False
    for root, folders, files in os.walk(source):
        place = Path(root).relative_to(source)
        is_array = place == Path(found.place)
        if is_array:
            folders.clear()
            files = [name for name in files if name in _ARRAY_FILES]
        folders[:] = [name for name in folders if (place / name).as_posix() not in found.others]
        if part is not None and not is_array:
            folders[:] = [name for name in folders if place / name in on_the_way]
        (target / place).mkdir(parents=True, exist_ok=True)
        for name in files:
            if name == ".zmetadata":
                is_consolidated = True
            elif name in ("zarr.json", ".zarray", ".zattrs") and place in on_the_way:
                content = json.loads((Path(root) / name).read_text(encoding="utf-8"))
                is_consolidated |= content.pop("consolidated_metadata", None) is not None
                _adapt(content, name, is_array, found.image is not None and place == Path(found.image), part)
                (target / place / name).write_text(json.dumps(content, indent=2), encoding="utf-8")
            else:
                shutil.copyfile(Path(root) / name, target / place / name)
    if is_consolidated:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that of format 3 is not in its specification yet
            zarr.consolidate_metadata(target)


def _adapt(content: dict, name: str, is_array: bool, is_image: bool, part: tuple | None) -> None:
    """Make the metadata of the array or the image fit what is written."""
    if is_array and part is not None and "shape" in content:
        content["shape"] = list(part[0])
    attributes = content if name == ".zattrs" else content.get("attributes", {})
    if not is_image or not isinstance(attributes, dict):
        return
    attributes = attributes.get("ome", attributes)
    for scales in attributes.get("multiscales", ()):
        scales["datasets"] = scales["datasets"][:1]
    channels = part[1] if part is not None else None
    shown = attributes.get("omero", {}).get("channels")
    if channels is not None and shown and len(shown) >= channels.stop:
        attributes["omero"]["channels"] = shown[channels.start : channels.stop]
