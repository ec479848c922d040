"""THE rule by which a picture finds its partner: the clean one of a noisy or denoised one, and the reverse."""

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath

from tf_denoise.errors import InputError
from tf_denoise.pictures.headers import FORMATS, shown

CLEAN_ENDING, NOISY_ENDING = "_raw", "_noised"


@dataclasses.dataclass(frozen=True)
class Partners:
    """Which pictures belong together.

    Attributes:
        pairs: By the place of a clean picture that of the other one, in the order of the clean ones.
        clean_alone: The clean pictures without a partner.
        other_alone: The others without one.
        crowded: Two pictures of one folder that could each be the partner of the same one, or `None`.
    """

    pairs: dict[PurePath, PurePath]
    clean_alone: list[PurePath]
    other_alone: list[PurePath]
    crowded: tuple[PurePath, PurePath] | None


def match_partners(clean: Sequence[PurePath], others: Sequence[PurePath]) -> Partners:
    """Match the pictures of two folders by their place in them.

    The suffix does not matter, nor do the endings `_raw` of a clean and `_noised` of another picture: `a/1_raw.jpg` is
    the partner of `a/1_noised.png` and of `a/1.jpg`. Pictures that end in `_noised` are passed over among the clean
    ones and those in `_raw` among the others, so both may lie in one folder. Where several fit, those of the very same
    place belong together, and of the rest only a single one with a single one.

    Args:
        clean: Paths of the clean pictures inside their folder.
        others: Paths of the noisy or denoised ones inside theirs.

    Example:
        >>> matched = match_partners([PurePath("1_raw.png"), PurePath("2.png")], [PurePath("1_noised.jpg")])
        >>> [(one.name, other.name) for one, other in matched.pairs.items()], len(matched.clean_alone)
        ([('1_raw.png', '1_noised.jpg')], 1)
    """
    groups = defaultdict(lambda: ([], []))
    for side, (places, ending, passed_over) in enumerate(
        ((clean, CLEAN_ENDING, NOISY_ENDING), (others, NOISY_ENDING, CLEAN_ENDING))
    ):
        for place in places:
            if not place.stem.endswith(passed_over):
                groups[_key(place, ending)][side].append(place)
    pairs, crowded = {}, None
    for ours, theirs in groups.values():
        same = set(ours) & set(theirs)
        pairs |= {place: place for place in same}
        left, right = ([place for place in side if place not in same] for side in (ours, theirs))
        if len(left) == len(right) == 1:
            pairs[left[0]] = right[0]
        elif left or right:
            crowded = crowded or next(((side[0], side[1]) for side in (ours, theirs) if len(side) > 1), None)
    taken = set(pairs.values())
    return Partners(
        {place: pairs[place] for place in clean if place in pairs},
        [place for place in clean if place not in pairs and not place.stem.endswith(NOISY_ENDING)],
        [place for place in others if place not in taken and not place.stem.endswith(CLEAN_ENDING)],
        crowded,
    )


def clean_partner(name: str, folder: Path) -> Path:
    """The clean picture in a folder that belongs to another picture of this name.

    Raises:
        InputError: If there is none, or more than one could be it.
    """
    try:
        clean: Iterable[Path] = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in FORMATS]
    except OSError as error:
        raise InputError(f"The folder {shown(folder)} cannot be read: {error.strerror}.") from None
    matched = match_partners([PurePath(path.name) for path in clean], [PurePath(name)])
    if not matched.pairs:
        raise InputError(
            f"{folder} has no clean picture for {shown(name)}; expected one of that name, or NAME_raw for NAME_noised."
        )
    return folder / next(iter(matched.pairs))


def _key(place: PurePath, ending: str) -> PurePath:
    """What partners have in common: the place without `ending` and suffix."""
    return place.with_name(place.stem.removesuffix(ending) or place.stem)
