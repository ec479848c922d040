"""A progress bar for whoever is looking."""

from collections.abc import Iterable, Sequence

import rich.console
import rich.progress


def tracked(items: Sequence, title: str) -> Iterable:
    """The items, with a bar on a terminal; in a log nothing is written."""
    console = rich.console.Console()
    return rich.progress.track(items, title, console=console, disable=not console.is_terminal)
