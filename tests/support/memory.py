"""How much memory a piece of code takes at its peak, of the whole process: decoders take theirs outside of Python."""

import contextlib
import gc
import re
from pathlib import Path

import pytest

_RESET = Path("/proc/self/clear_refs")


def _kilobytes(name: str) -> int:
    return int(re.search(rf"{name}:\s+(\d+)", Path("/proc/self/status").read_text())[1])


@contextlib.contextmanager
def memory_grows_at_most(most: int):
    """Fail if the block makes the process grow by more than `most` bytes, even for a moment."""
    gc.collect()
    try:
        _RESET.write_text("5")  # the peak begins anew
    except OSError:
        pytest.skip("the peak of memory can be reset on Linux alone")
    before = _kilobytes("VmRSS")
    yield
    grown = 1024 * (_kilobytes("VmHWM") - before)
    assert grown <= most, f"{grown / 1e6:.1f} MB, expected at most {most / 1e6:.1f}"
