"""What stands between two markers of a page, and which kinds of it there are."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

from matplotlib.figure import Figure

from renewing.kept import Kept
from tf_denoise.errors import InputError
from tf_denoise.pages.page import counted


@dataclasses.dataclass(frozen=True)
class Block:
    """A part of a page.

    Attributes:
        lines: Its lines of Markdown.
        figure: A figure that stands above them.
        title: What the figure shows, for those who do not see it.
    """

    lines: Sequence[str]
    figure: Figure | None = None
    title: str = ""


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of block.

    Attributes:
        make: `(tables, **options)` to the block.
        tables: Whether it takes one table, or how many at most.
        options: Its options, each with the values that it takes.
    """

    make: Callable[..., Block]
    tables: int = 1
    options: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)

    def check(self, name: str, tables: Sequence[Kept], options: Mapping[str, str]) -> None:
        """Refuse what the kind does not take.

        Raises:
            InputError: If there are too many tables, or an option or its value is not known.
        """
        if len(tables) > self.tables:
            raise InputError(f"A block of {name} takes {counted(self.tables, 'table')}; received {len(tables)}.")
        for option, value in options.items():
            if option not in self.options:
                known = ", ".join(self.options) or "none"
                raise InputError(f"A block of {name} has no option {option!r}; it knows {known}.")
            if self.options[option] and value not in self.options[option]:
                known = ", ".join(self.options[option])
                raise InputError(f"The option {option} of a block of {name} is one of {known}; received {value!r}.")
