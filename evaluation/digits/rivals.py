"""Whom a second stage is held against: the controls of its branch that had the same training."""

from collections.abc import Mapping, Sequence
from typing import Any

KINDS = ("wide", "deep", "restarted")
"""Controls beside the one of equal training: larger ones, and one that is trained on from its parent."""
Stored = Mapping[str, Any]
"""A network as `networks.json` has it."""


def control_of(child: str) -> str:
    """The control that trained as long as the chain down to a child of the original study.

    Example:
        >>> control_of("one_level/25"), control_of("one_level/25/25")
        ('one_level/control', 'one_level/control_x3')
    """
    root, *generations = child.split("/")
    return f"{root}/control" + ("" if len(generations) == 1 else f"_x{len(generations) + 1}")


def is_form(network: Stored) -> bool:
    """Whether a network is a second stage of a form that the original study does not have."""
    return network.get("form") is not None


def is_second_stage(network: Stored) -> bool:
    """Whether a network is a second stage of any form."""
    return is_form(network) or network["role"] == "child"


def rivals_of(network: Stored, tree: Sequence[Stored]) -> list[str]:
    """The controls that a second stage is held against, that of its own size first.

    A child of the original study has one, of equal training; of the other forms each has those of equal multiply-adds,
    too, and one that is restarted, where the run trained them.

    Args:
        network: The second stage.
        tree: The networks of one repeat.
    """
    if not is_form(network):
        return [control_of(network["name"])]
    root = network["name"].split("/")[0]
    return [
        other["name"]
        for other in tree
        if other["role"] == "control"
        and other["name"].startswith(f"{root}/")
        and other.get("total_trainings", other["trainings"]) == network["total_trainings"]
    ]


def kind_of(control: str) -> str:
    """What sets a control apart from one network of equal training: `wide`, `deep`, `restarted` or nothing.

    Example:
        >>> kind_of("one_level/control_x3_wide"), kind_of("one_level/control")
        ('wide', '')
    """
    return next((kind for kind in KINDS if control.endswith(f"_{kind}")), "")


def parent_of(network: Stored) -> str:
    """The parent at the root, which a second stage should refine."""
    return network["parent"] or network["name"].split("/")[0]
