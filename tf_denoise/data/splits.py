"""Photographs dealt to parts: by photograph, never by crop, and a stack never at random."""

from typing import NamedTuple

import numpy as np

from tf_denoise.data.photographs import Photograph, Photographs, counted
from tf_denoise.errors import InputError

_LEAST_UNITS = 10
"""Stacks and photographs, together, from which on a stack falls into one part."""


class Split(NamedTuple):
    """Photographs to train on, to choose by, and to report on; no photograph is in two of them."""

    train: Photographs
    validation: Photographs
    test: Photographs


def split(photographs: Photographs, seed: int, validation: float = 0.1, test: float = 0.1) -> Split:
    """Split by photograph, never by crop, at random and the same way for the same seed.

    Planes of one stack show much the same, so a stack falls into one part. Of fewer than 10 stacks and photographs each
    stack is cut instead: its last planes are tested on, those before them validated on.

    Args:
        photographs: The whole set. One whose split is fixed, such as the embedded one, is split as it says.
        seed: Integer seed, 0 or more.
        validation: Share of photographs to validate on; at least one photograph, unless it is 0.
        test: Share of photographs to test on; at least one photograph, unless it is 0.

    Returns:
        `Split(train, validation, test)`, each in the order of the set.

    Raises:
        InputError: If there are too few photographs for one in each part.
        ValueError: If a share lies outside [0, 1), or both together leave nothing.
    """
    if not (0 <= validation < 1 and 0 <= test < 1 and validation + test < 1):
        raise ValueError(
            f"The shares to validate and test on are fractions that leave some to train on; received {validation} and "
            f"{test}."
        )
    if photographs.parts is not None:
        names, parts = photographs.names, photographs.parts
        return Split(
            *(photographs.subset(i for i, n in enumerate(names) if parts[n] == part) for part in Split._fields)
        )
    units = _units(photographs)
    if len(units) < _LEAST_UNITS and len(units) < len(photographs):
        return _split_stacks(photographs, units, validation, test)
    held_out = [max(1, round(share * len(units))) if share else 0 for share in (validation, test)]
    if sum(held_out) >= len(units):
        raise _too_few(photographs, sum(held_out) + 1)
    order = np.random.default_rng(seed).permutation(len(units))
    for_validation, for_test, for_training = np.split(order, np.cumsum(held_out))
    dealt = [
        [index for unit in sorted(part) for index in units[unit]] for part in (for_training, for_validation, for_test)
    ]
    return Split(*map(photographs.subset, dealt))


def _units(photographs: Photographs) -> list[list[int]]:
    """Photographs that belong together: each picture by itself, the planes of a stack."""
    units: dict[object, list[int]] = {}
    for index, member in enumerate(photographs.members):
        units.setdefault(index if member.plane is None else member.path, []).append(index)
    return list(units.values())


def _split_stacks(photographs: Photographs, units: list[list[int]], validation: float, test: float) -> Split:
    """Cut each stack into three; what shares a plane with an earlier part, as twins may, is left out."""
    parts: tuple[list[int], ...] = ([], [], [])
    for unit in units:
        lost = max(_reach(photographs.members[index]) for index in unit)
        held_out = [max(1, round(share * len(unit))) + lost if share else 0 for share in (validation, test)]
        if sum(held_out) >= len(unit):
            held_out = [0, 0]
        ends = np.cumsum([len(unit) - sum(held_out), *held_out])
        taken: set[tuple] = set()
        for part, start, end in zip(parts, (0, *ends), ends, strict=False):
            fresh = [index for index in unit[start:end] if not _planes(photographs.members[index]) & taken]
            part.extend(fresh)
            taken = taken.union(*(_planes(photographs.members[index]) for index in fresh))
    wanted = (1.0, validation, test)
    if any(share and not part for share, part in zip(wanted, parts, strict=True)):
        raise _too_few(photographs, sum(share > 0 for share in wanted))
    return Split(*(photographs.subset(part) for part in parts))


def _reach(member: Photograph) -> int:
    """How many planes lie between a plane and its twin in the same stack, so many are lost where it is cut."""
    if member.noisy_plane is None or member.noisy_path != member.path:
        return 0
    return abs(member.plane - member.noisy_plane)


def _planes(member: Photograph) -> set[tuple]:
    """The planes that a photograph is made of."""
    twin = set() if member.noisy_path is None else {(member.noisy_path, member.noisy_plane)}
    return {(member.path, member.plane)} | twin


def _too_few(photographs: Photographs, least: int) -> InputError:
    return InputError(
        f"{counted(photographs)} cannot be split into parts to train, validate and test on: expected at "
        f"least {least}; add photographs."
    )
