"""What a machine has."""

import os


def usable_cores() -> int:
    """Processor cores that this process may use: all of the machine where the system does not say.

    Example:
        >>> usable_cores() >= 1
        True
    """
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
