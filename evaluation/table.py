"""The tidy table of scores, one row per value, and how tables are written as CSV and as Markdown."""

import csv
import dataclasses
import io
from collections.abc import Hashable, Sequence
from typing import Any

INPUT = "input"
"""The name under which the noisy images themselves are scored."""


class Table:
    """A tidy table: one row per value, found by any of its columns.

    Args:
        rows: Dataclass instances of one class. A field with `metadata={"written": False}` is not a column.

    Raises:
        ValueError: If there is no row.

    Example:
        >>> Row = dataclasses.make_dataclass("Row", ["method", "value"])
        >>> table = Table([Row("median", 1.5), Row("blur", 2.5)])
        >>> [row.value for row in table.select(method="blur")]
        [2.5]
        >>> print(table.csv())
        method,value
        median,1.5
        blur,2.5
        <BLANKLINE>
    """

    def __init__(self, rows: Sequence[Any]):
        if not len(rows):
            raise ValueError("A table has one or more rows; received none.")
        self.rows = list(rows)
        self.columns = [f.name for f in dataclasses.fields(rows[0]) if f.metadata.get("written", True)]
        self._indexes: dict[tuple[str, ...], dict[tuple[Hashable, ...], list[Any]]] = {}

    def select(self, **place) -> list[Any]:
        """The rows with these values, in the order of the table."""
        names = tuple(place)
        if names not in self._indexes:
            index: dict[tuple[Hashable, ...], list[Any]] = {}
            for row in self.rows:
                index.setdefault(tuple(getattr(row, name) for name in names), []).append(row)
            self._indexes[names] = index
        return self._indexes[names].get(tuple(place.values()), [])

    def distinct(self, column: str) -> list[Any]:
        """The values of a column, each once, in the order of the table."""
        return list(dict.fromkeys(getattr(row, column) for row in self.rows))

    def records(self) -> list[dict[str, Any]]:
        """The rows as JSON values."""
        return [{name: getattr(row, name) for name in self.columns} for row in self.rows]

    def csv(self) -> str:
        """The table as CSV, one line per row; `None` is an empty cell."""
        text = io.StringIO()
        writer = csv.DictWriter(text, self.columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.records())
        return text.getvalue()


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    r"""The lines of a table in Markdown, and an empty one after it.

    Example:
        >>> print("\n".join(markdown_table(["method", "a|b"], [["median", "1"]])))
        | method | a\|b |
        |---|---|
        | median | 1 |
        <BLANKLINE>
    """
    escaped = ([str(cell).replace("|", "\\|") for cell in row] for row in (head, *rows))
    lines = [f"| {' | '.join(row)} |" for row in escaped]
    return [lines[0], "|---" * len(head) + "|", *lines[1:], ""]
