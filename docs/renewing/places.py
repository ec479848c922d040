"""Texts without the folders of the machine that they were made on."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

# Not part of a name, an address or a relative path, and with one folder or more before the last part.
_ABSOLUTE = re.compile(r"""(?<![\w.:/\\~-])(?:[A-Za-z]:)?[\\/](?:[^\s\\/'"<>|;]+[\\/])+(?=[^\s\\/'"<>|;]|$)""")


def nameless(value: Any, known: Iterable[Path]) -> Any:
    """A value of JSON in which every absolute path is cut to its last part.

    Args:
        value: Texts, and lists and dictionaries of them; anything else is left as it is.
        known: Paths that may stand in the texts, also with spaces in them, where no rule could see their end.

    Example:
        >>> nameless({"data": "/home/me/photographs/roads", "why": "cut /data/a/b.png", "n": 3}, [])
        {'data': 'roads', 'why': 'cut b.png', 'n': 3}
        >>> nameless("500 of /home/my own/roads", [Path("/home/my own/roads")])
        '500 of roads'
        >>> nameless("sub/a.png, 3/4, https://example.org/a/b", [])
        'sub/a.png, 3/4, https://example.org/a/b'
    """
    folders = sorted({path.resolve() for path in known} | {path for path in known if path.is_absolute()}, key=_depth)
    return _cut(value, [(str(path), path.name) for path in folders])


def _depth(path: Path) -> int:
    return -len(str(path))


def _cut(value: Any, folders: list[tuple[str, str]]) -> Any:
    if isinstance(value, dict):
        return {key: _cut(one, folders) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_cut(one, folders) for one in value)
    if not isinstance(value, str):
        return value
    for path, name in folders:
        value = value.replace(path, name)
    return _ABSOLUTE.sub("", value)
