"""What a TIFF file says beside its pixels: which tags are carried over, and which are told to be lost."""

from collections.abc import Collection

import tifffile

_KEPT = {
    *(269, 270, 271, 272, 280, 281, 285, 286, 287, 297, 305, 306, 315, 316),  # description, maker, author, place
    *(301, 318, 319, 340, 341, 33432, 700, 33723, 34377),  # meaning of the colours, range, copyright, XMP, IPTC
    *(33550, 33920, 33922, 34264, 34735, 34736, 34737, 42112, 42113, 50844),  # GeoTIFF and GDAL
}
_OF_STORAGE = {
    *(254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 274, 277, 278, 279, 282, 283, 284, 288, 289, 290),
    *(291, 296, 317, 320, 322, 323, 324, 325, 338, 339, 347, 512, 513, 514, 529, 530, 531, 532, 34675, 32997, 32998),
}
_NAMES = {34665: "its EXIF data", 34853: "its GPS position", 330: "the further pictures in it (SubIFDs)"} | {
    37724: "its Photoshop layers",
    50839: "its ImageJ metadata",
    50838: "its ImageJ metadata",
}


OF_STACKS = frozenset({50838, 50839, 51123})
"""Metadata of ImageJ and Micro-Manager, which belong to all planes of a stack."""


def kept_tags(
    page: tifffile.TiffPage, others: Collection[int] = (), without: Collection[int] = ()
) -> tuple[tuple | None, int | None, list[tuple]]:
    """Resolution, its unit, and the tags to write as they are, for `tifffile.imwrite`.

    Args:
        page: Where they stand.
        others: Codes that are kept beside those that always are.
        without: Codes that are not, of all these.
    """
    resolution = unit = None
    if 282 in page.tags and 283 in page.tags:
        resolution = page.tags[282].value, page.tags[283].value
        unit = int(page.tags[296].value) if 296 in page.tags else 2
        if unit not in (1, 2, 3) or any(not isinstance(value, tuple) or not value[1] for value in resolution):
            resolution = unit = None
    kept = _KEPT.union(others).difference(without)
    tags = [
        (tag.code, int(tag.dtype), tag.count, _stored_bytes(page, tag), True) for tag in page.tags if tag.code in kept
    ]
    return resolution, unit, tags


def _stored_bytes(page: tifffile.TiffPage, tag: tifffile.TiffTag) -> bytes:
    file = page.parent.filehandle
    file.seek(tag.valueoffset)
    return file.read(tag.valuebytecount)


def lost_tags(tiff: tifffile.TiffFile, page: tifffile.TiffPage, is_stack: bool = False) -> tuple[str, ...]:
    """What will not stand in the file that is written, in words; of a stack the other pages are no smaller copies."""
    kept = _KEPT | _OF_STORAGE | (OF_STACKS if is_stack else frozenset())
    lost = [_NAMES.get(tag.code, f"its tag {tag.code}") for tag in page.tags if tag.code not in kept]
    if len(tiff.pages) > 1 and not is_stack:
        lost.append("its smaller copies")
    return tuple(dict.fromkeys(lost))
