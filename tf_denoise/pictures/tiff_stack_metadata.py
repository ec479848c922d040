"""What ImageJ, OME and tifffile write of a stack into its first page, made to fit a part of its planes."""

import json
from xml.etree import ElementTree

import tifffile

from tf_denoise.pictures.headers import UnsupportedError
from tf_denoise.pictures.planes import Chosen, StackHeader, count_of

_IMAGEJ = {"channels": "C", "slices": "Z", "frames": "T"}


def imagej_description(text: str, header: StackHeader, chosen: Chosen) -> str:
    """The description of ImageJ with the numbers of the planes that are taken.

    Example:
        >>> import numpy as np
        >>> header = StackHeader("ImageJ TIFF", "Z", (9,), 8, 8, 1, np.dtype("uint8"))
        >>> imagej_description("ImageJ=1.53t\\nimages=9\\nslices=9\\nunit=um\\n", header, (range(2, 5),)).split()
        ['ImageJ=1.53t', 'images=3', 'slices=3', 'unit=um']
    """
    taken = dict(zip(header.axes, map(len, chosen), strict=True))
    numbers = {"images": count_of(chosen)} | {key: taken[axis] for key, axis in _IMAGEJ.items() if axis in taken}
    lines = []
    for line in text.splitlines():
        key = line.partition("=")[0]
        lines.append(f"{key}={numbers[key]}" if key in numbers else line)
    return "\n".join(lines) + "\n"


def imagej_tags(metadata: dict, header: StackHeader, chosen: Chosen, planes: list[int], byteorder: str) -> list[tuple]:
    """ImageJ's own tags (labels of planes, ranges and colours of channels, regions) for the planes that are taken.

    Args:
        metadata: As tifffile reads them.
        header: That of the stack.
        chosen: What is taken.
        planes: The numbers of the planes that are taken.
        byteorder: `<` or `>`.
    """
    channels = dict(zip(header.axes, chosen, strict=True)).get("C", range(1))
    kept = {key: metadata[key] for key in ("Info", "Properties", "Plot", "ROI", "Overlays") if key in metadata}
    if (labels := metadata.get("Labels")) and len(labels) == header.planes:
        kept["Labels"] = [labels[number] for number in planes]
    if (ranges := metadata.get("Ranges")) and len(ranges) >= 2 * channels.stop:
        kept["Ranges"] = tuple(ranges[2 * channels.start : 2 * channels.stop])
    if (tables := metadata.get("LUTs")) and len(tables) >= channels.stop:
        kept["LUTs"] = list(tables[channels.start : channels.stop])
    return list(tifffile.imagej_metadata_tag(kept, byteorder))


def shaped_description(text: str, chosen: Chosen) -> str:
    """The description of tifffile with the shape of what is taken."""
    described = json.loads(text)
    described["shape"][: len(chosen)] = [len(one) for one in chosen]
    return json.dumps(described)


def ome_description(text: str, header: StackHeader, chosen: Chosen) -> bytes:
    """The OME-XML of the planes that are taken: sizes, channels, planes and where they lie.

    Raises:
        UnsupportedError: If the stack has axes beside T, Z and C.
    """
    foreign = set(header.axes) - set("TZC")
    if foreign:
        raise UnsupportedError(f"has the axis {min(foreign)} beside T, Z and C; a part of such a stack is not written")
    root = ElementTree.fromstring(text)
    space = root.tag.partition("}")[0] + "}" if root.tag.startswith("{") else ""
    if space:
        ElementTree.register_namespace("", space[1:-1])
    pixels = next(root.iter(f"{space}Pixels"))
    taken = dict(zip(header.axes, chosen, strict=True))
    for axis, places in taken.items():
        whole = header.sizes[header.axes.index(axis)]
        each = int(pixels.get(f"Size{axis}", whole)) // whole  # a channel in colour counts as three
        pixels.set(f"Size{axis}", str(each * len(places)))
    channels = pixels.findall(f"{space}Channel")
    if "C" in taken and len(channels) == header.sizes[header.axes.index("C")]:
        for place, channel in enumerate(channels):
            if place not in taken["C"]:
                pixels.remove(channel)
    for plane in pixels.findall(f"{space}Plane"):
        if any(int(plane.get(f"The{axis}", 0)) not in places for axis, places in taken.items()):
            pixels.remove(plane)
            continue
        for axis, places in taken.items():
            plane.set(f"The{axis}", str(int(plane.get(f"The{axis}", 0)) - places.start))
    _lay_out(pixels, space, count_of(chosen))
    return b'<?xml version="1.0" encoding="UTF-8"?>' + ElementTree.tostring(root, encoding="us-ascii")


def _lay_out(pixels: ElementTree.Element, space: str, count: int) -> None:
    """Say that the planes lie in the pages one after the other."""
    place = next((number for number, one in enumerate(pixels) if one.tag == f"{space}TiffData"), len(pixels))
    for one in pixels.findall(f"{space}TiffData"):
        pixels.remove(one)
    pixels.insert(place, ElementTree.Element(f"{space}TiffData", {"IFD": "0", "PlaneCount": str(count)}))
