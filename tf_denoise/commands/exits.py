"""The exit statuses of all commands.

| status | meaning |
|---|---|
| 0 | done; also where there was nothing left to do |
| 1 | some failed, the others are done |
| 2 | nothing could be done: all failed, or an option, a file or a folder is not what it should be |
| 130 | stopped by Ctrl-C |
"""

import contextlib
import sys
from collections.abc import Iterator

from tf_denoise.errors import exit_on_input_error

DONE, SOME_FAILED, NOTHING_DONE, STOPPED = 0, 1, 2, 130


def status_of(done: int, failed: int) -> int:
    """The exit status of a command that did so many things and failed at so many.

    Example:
        >>> status_of(3, 0), status_of(2, 1), status_of(0, 3)
        (0, 1, 2)
    """
    if not failed:
        return DONE
    return SOME_FAILED if done else NOTHING_DONE


@contextlib.contextmanager
def exit_on_errors() -> Iterator[None]:
    """End a command with its sentence and status at an `InputError`, and with status 130 at Ctrl-C."""
    try:
        with exit_on_input_error():
            yield
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        raise SystemExit(STOPPED) from None
