"""The intervals of a network that a command uses, or how to get them."""

from tf_denoise.errors import InputError
from tf_denoise.runs.loading import LoadedNetwork
from tf_denoise.uncertainty.intervals import Intervals, find_intervals


def intervals_or_hint(loaded: LoadedNetwork, says_where_none_are: bool = True) -> tuple[Intervals | None, str | None]:
    """The intervals of a network; where it has none, or another network's lie there, a sentence that says so.

    Args:
        loaded: The network.
        says_where_none_are: Whether there is a sentence where it has none.
    """
    try:
        found = find_intervals(loaded)
    except InputError as error:
        return None, f"There are no intervals. {error}"
    if found is not None or not says_where_none_are:
        return found, None
    hint = (
        f"There are no intervals for {loaded.name}: python -m training.intervals NETWORK --calibration FOLDER makes "
        "them, from clean photographs that nothing else has seen."
    )
    return None, hint
