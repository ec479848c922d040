"""The error that a command shows as one sentence."""

import contextlib
import sys
from collections.abc import Iterator


class InputError(ValueError):
    """A wrong file, folder or argument.

    The message is one sentence that names what was given, what was expected and what was found. Commands print it
    without a traceback and exit with status 2; in user code it is a `ValueError`.
    """


@contextlib.contextmanager
def exit_on_input_error() -> Iterator[None]:
    """Turn an `InputError` into its sentence on standard error and exit status 2.

    Names of files that are not UTF-8 are printed as `\\xe9`.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        yield
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
