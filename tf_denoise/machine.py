"""What the machine offers to this process, asked in a way that exists on every system."""

import os
import platform
from pathlib import Path

DEFAULT_MEMORY = 8 * 2**30
"""Bytes that are taken for the machine's memory where the system does not tell it, as on Windows."""


def usable_cores() -> int:
    """How many processor cores this process may use.

    Example:
        >>> usable_cores() >= 1
        True
    """
    if hasattr(os, "process_cpu_count"):  # Python 3.13
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def processor() -> str:
    """What the processor is called, or its architecture where the system does not tell.

    Example:
        >>> processor() != ""
        True
    """
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(filter(None, [*named, platform.processor(), platform.machine()]), "unknown")


def memory() -> int:
    """Bytes of memory that the machine has, `DEFAULT_MEMORY` where the system does not tell."""
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return DEFAULT_MEMORY
    return size if size > 0 else DEFAULT_MEMORY
