"""What a network of the tree costs in multiply-adds, and the controls that cost as much as a chain."""

import itertools
from collections.abc import Sequence

from tf_denoise.models.two_stage import TWICE, TWICE_BOTH
from training.iterative.lineage import Network, ancestry, total_trainings


def multiply_adds(size: int, hidden_units: Sequence[int], inputs: int | None = None) -> int:
    """Multiply-adds of a dense network for one image.

    Args:
        size: Pixels of an image.
        hidden_units: Widths of the hidden layers.
        inputs: Values that the network sees; defaults to `size`.

    Example:
        >>> multiply_adds(784, (512, 256, 512))
        1064960
    """
    widths = [size if inputs is None else inputs, *hidden_units, size]
    return sum(one * other for one, other in itertools.pairwise(widths))


def chain_multiply_adds(network: Network, tree: Sequence[Network], size: int, hidden_units: Sequence[int]) -> int:
    """Multiply-adds of a network for one image, with those of the networks before it.

    Args:
        network: The network.
        tree: The networks of one repeat.
        size: Pixels of an image.
        hidden_units: Widths of the hidden layers of all networks but the wide and deep controls.
    """
    chain = ancestry(network, tree)
    return sum(_own(member, size, units_of(member, tree, size, hidden_units)) for member in chain)


def _own(network: Network, size: int, hidden_units: Sequence[int]) -> int:
    alone = multiply_adds(size, hidden_units)
    both = multiply_adds(size, hidden_units, 2 * size)
    if network.form in (TWICE, TWICE_BOTH):
        return 2 * (alone if network.form == TWICE else both)
    stage = both if network.form in ("both", "correction") else alone
    return stage + (alone if network.role == "stages" else 0)


def units_of(network: Network, tree: Sequence[Network], size: int, hidden_units: Sequence[int]) -> tuple[int, ...]:
    """Widths of the hidden layers of a network of the tree.

    A wide or deep control costs what the dearest chain of its branch and of its total training costs.
    """
    if network.size is None:
        return tuple(hidden_units)
    rivals = [
        other
        for other in tree
        if other.form is not None
        and other.root == network.root
        and total_trainings(other, tree) == total_trainings(network, tree)
    ]
    target = max(chain_multiply_adds(rival, tree, size, hidden_units) for rival in rivals)
    return sized_units(network.size, size, hidden_units, target)


def sized_units(kind: str, size: int, hidden_units: Sequence[int], target: int) -> tuple[int, ...]:
    """The narrowest hidden layers with which a single network costs no fewer multiply-adds than `target`.

    Args:
        kind: `wide` scales the widths; `deep` has each hidden layer twice and scales the widths then.
        size: Pixels of an image.
        hidden_units: The widths to begin with.
        target: Multiply-adds for one image.

    Example:
        >>> sized_units("wide", 784, (512, 256, 512), 2 * multiply_adds(784, (512, 256, 512)))
        (873, 436, 873)
    """
    base = tuple(hidden_units) if kind == "wide" else tuple(width for width in hidden_units for _ in range(2))
    widest = max(base)

    def scaled(width: int) -> tuple[int, ...]:
        return tuple(max(1, round(width * units / widest)) for units in base)

    low, high = 0, 1
    while multiply_adds(size, scaled(high)) < target:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if multiply_adds(size, scaled(middle)) >= target else (middle, high)
    return scaled(high)
