import csv
import dataclasses
import io

import pytest

from evaluation.table import Table, markdown_table


@dataclasses.dataclass(frozen=True)
class Row:
    method: str
    level: float | None
    value: float
    hidden: list = dataclasses.field(default_factory=list, metadata={"written": False})


ROWS = [Row("median", None, 1.5), Row('the "blur", wide', 25.0, 2.5), Row("median", 25.0, 1 / 3)]


def test_rows_are_found_by_any_of_their_columns():
    table = Table(ROWS)
    assert table.select(method="median") == [ROWS[0], ROWS[2]]
    assert table.select(level=25.0, method="median") == [ROWS[2]]
    assert table.select(level=None) == [ROWS[0]]
    assert table.select(method="nothing") == []
    assert table.select() == ROWS
    assert table.distinct("level") == [None, 25.0]


def test_the_csv_reads_back_to_the_same_values():
    table = Table(ROWS)
    read = list(csv.DictReader(io.StringIO(table.csv())))
    assert list(read[0]) == table.columns == ["method", "level", "value"]
    assert [row["method"] for row in read] == [row.method for row in ROWS]
    assert [row["level"] for row in read] == ["", "25.0", "25.0"]
    assert [float(row["value"]) for row in read] == [row.value for row in ROWS]
    assert table.records()[2] == {"method": "median", "level": 25.0, "value": 1 / 3}


def test_a_table_without_rows_is_refused():
    with pytest.raises(ValueError, match="one or more rows; received none"):
        Table([])


def test_markdown_keeps_its_columns_whatever_the_cells_hold():
    lines = markdown_table(["a", "b"], [["x|y", "1"], ["z", "|"]])
    assert lines[-1] == ""
    assert {line.replace(r"\|", "").count("|") for line in lines[:-1]} == {3}
