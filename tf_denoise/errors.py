"""The error that a command shows as one sentence."""

import contextlib
import sys
from collections.abc import Iterator

LONGEST = 300
"""Characters of a message, at most."""
_LONGEST_REASON = 160
_KEPT_AT_THE_END = 110  # what is to be done about it stands last


class InputError(ValueError):
    """A wrong file, folder or argument.

    The message is one sentence that names what was given, what was expected and what was found: one line of at most
    300 characters that ends in a full stop, whatever was put into it. Commands print it without a traceback and exit
    with status 2; in user code it is a `ValueError`.

    Args:
        message: The sentence. What is too long is cut in its middle; what cannot be printed is shown as an escape.

    Example:
        >>> str(InputError("two\\nlines"))
        'two\\\\nlines.'
    """

    def __init__(self, message: str):
        super().__init__(as_sentence(message))


def as_sentence(message: str) -> str:
    """A text as one printable line of at most `LONGEST` characters that ends in a full stop."""
    line = printable(message).strip().rstrip(".") + "."
    if len(line) > LONGEST:
        line = f"{line[: LONGEST - _KEPT_AT_THE_END - 5]} ... {line[-_KEPT_AT_THE_END:]}"
    return line


def printable(text: object) -> str:
    """A text, such as a file's name, with what cannot be printed as an escape: line ends, bytes that are not UTF-8.

    Example:
        >>> printable("a\\udcff.png")
        'a\\\\xff.png'
    """
    return "".join(char if char.isprintable() else _escape(char) for char in str(text))


def _escape(char: str) -> str:
    if "\udc80" <= char <= "\udcff":  # a byte of a file name that is not UTF-8, as `os.fsdecode` holds it
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char.encode("unicode_escape").decode()


def reason(error: BaseException) -> str:
    """What a foreign exception says, as a part of a sentence: its first line, short, without a full stop.

    Keras puts a whole configuration before what went wrong; of its messages the end is taken.

    Example:
        >>> reason(KeyError()), reason(ValueError("no such layer.\\nConfig: {...}"))
        ('KeyError', 'no such layer')
    """
    lines = str(error).rpartition("Exception encountered: ")[2].strip().splitlines() or [type(error).__name__]
    text = " ".join(printable(lines[0]).split()).rstrip(".:")
    return text if len(text) <= _LONGEST_REASON else text[: _LONGEST_REASON - 4].rstrip() + " ..."


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
