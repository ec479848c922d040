"""What a script prints of a network, kept as a table of a page."""

import sys
import types

import pytest
import renew
from kept_tables import SOURCE, docs_with, photograph_run
from renewing.pages import renewed
from renewing.printed import keep_printed

from tf_denoise.errors import InputError
from tf_denoise.runs.folder import read_json

PARTS = {
    "trust": lambda: print("# vit: 1\n| layer | map |\n| --- | --- |\n| vit | EigenCAM |"),
    "maps": lambda: None,
}


@pytest.fixture
def docs(tmp_path):
    folder = docs_with(tmp_path / "docs", "explain printed part=trust", "explain provenance", page="explain")
    keep_printed(photograph_run(tmp_path / "run"), "explain", PARTS, folder / "tables")
    return folder


def test_the_table_that_was_printed_stands_in_the_page_and_other_lines_below_it(docs):
    text = renewed("explain", docs).text
    assert "| layer | map |\n| --- | --- |\n| vit | EigenCAM |\n\n```\nvit: 1\n```\n" in text
    assert "Made of [explain](tables/explain.json), commit 1a2b3c4 (tag study)." in text
    assert "`python -m training.textures --data roads" in text


def test_it_says_which_state_of_the_code_it_is_of(docs, tmp_path):
    facts = read_json(docs / "tables" / "explain.json")
    assert (facts["trained"], facts["data"]) == (SOURCE, "46 photographs from roads")
    assert str(tmp_path) not in (docs / "tables" / "explain.json").read_text()


def test_a_part_that_was_not_printed_is_refused(docs):
    page = docs / "explain.md"
    page.write_text(page.read_text().replace("part=trust", "part=nothing"))
    with pytest.raises(InputError, match="names a part of explain: part=trust or part=maps"):
        renewed("explain", docs)


def test_a_run_is_looked_at_by_the_script_of_its_page(tmp_path, monkeypatch, capsys):
    run, seen = photograph_run(tmp_path / "run"), []
    explain = types.SimpleNamespace(parts_of=lambda run: seen.append(run) or PARTS)
    monkeypatch.setitem(sys.modules, "make_explain_figures", explain)
    monkeypatch.setitem(sys.modules, "make_pictures", types.SimpleNamespace(main=seen.append))
    renew.look_at_networks("explain", run, "maps", tmp_path / "tables")
    renew.look_at_networks("iterative", run, "maps", tmp_path / "tables")
    assert seen == [run, run]
    assert list(read_json(tmp_path / "tables" / "maps.json")["printed"]) == list(PARTS)
    assert capsys.readouterr().out == "maps.json is kept.\n"
