"""Pages and the tables that they are made of."""

import re
import shutil

import pytest
import renew
from helpers import ROOT, files_of, python, refusal
from kept_tables import OTHER, SOURCE, digit_run, docs_with, photograph_run
from renewing.keep import keep
from renewing.pages import DOCS, renewed, split_page

from tf_denoise.errors import InputError
from tf_denoise.runs.folder import read_json
from tf_denoise.runs.writing import write_json

PROVENANCE = "roads provenance"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run that tests read and leave as it is."""
    return photograph_run(tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="module")
def other_run(tmp_path_factory):
    """The same from another state of the code."""
    return photograph_run(tmp_path_factory.mktemp("runs") / "other", source=OTHER)


def test_blocks_are_made_again_and_all_other_words_stay(run, tmp_path):
    docs = docs_with(tmp_path, "roads verdicts", PROVENANCE, roads=run)
    before = (docs / "textures.md").read_text()
    assert renew.renew_pages(["textures"], docs) == 0
    after = (docs / "textures.md").read_text()
    empty = re.compile(r"(-->\n).*?(<!-- end -->)", re.DOTALL)
    assert empty.sub(r"\1\2", after) == empty.sub(r"\1\2", before)
    assert "old" not in after
    assert "**By the rule, the one other loss is better than the mean squared error alone: regional.**" in after
    assert "Made of [roads](tables/roads.csv), commit 1a2b3c4 (tag study)." in after


def test_renewing_twice_changes_nothing(run, tmp_path, capsys):
    docs = docs_with(tmp_path, "roads verdicts", "roads curve measure=gmsd", PROVENANCE, roads=run)
    renew.renew_pages([], docs)
    first = files_of(docs)
    assert "images/textures-roads-curve-gmsd.png" in first
    renew.renew_pages([], docs)
    assert files_of(docs) == first
    assert capsys.readouterr().out.splitlines() == ["textures.md is renewed.", "textures.md is up to date."]


@pytest.mark.slow
@pytest.mark.process
def test_pages_need_neither_the_run_nor_tensorflow(run, tmp_path):
    docs = docs_with(tmp_path, "roads verdicts", "roads scores", PROVENANCE, roads=run)
    keep(digit_run(tmp_path / "digits"), "mnist", docs / "tables")
    docs_with(docs, "mnist forms", "mnist provenance", page="iterative")
    shutil.rmtree(tmp_path / "digits")
    code = (
        "import pathlib, sys; sys.path.insert(0, 'docs'); import renew\n"
        f"renew.renew_pages([], pathlib.Path({str(docs)!r}))\n"
        "print(sorted({'tensorflow', 'keras'} & set(sys.modules)))"
    )
    result = python("-c", code)
    assert result.stdout.splitlines() == ["iterative.md is renewed.", "textures.md is renewed.", "[]"], result.stderr


def test_markers_that_a_page_shows_as_code_are_words(tmp_path):
    shown = "```\n<!-- table: roads verdicts -->\n<!-- end -->\n```\n"
    assert split_page(shown, "page.md") == [shown]


def test_a_check_writes_nothing_and_tells_what_is_old(run, tmp_path, capsys):
    docs = docs_with(tmp_path, "roads verdicts", "roads curve measure=gmsd", PROVENANCE, roads=run)
    before = files_of(docs)
    assert renew.renew_pages([], docs, check=True) == 1
    assert files_of(docs) == before
    assert capsys.readouterr().out == "textures.md is not as its tables make it.\n"
    renew.renew_pages([], docs)
    assert renew.renew_pages([], docs, check=True) == 0


def test_a_check_sees_a_figure_of_another_table(run, tmp_path):
    docs = docs_with(tmp_path, "roads curve measure=gmsd", PROVENANCE, roads=run)
    renew.renew_pages([], docs)
    table = docs / "tables" / "roads.csv"
    table.write_text(table.read_text().replace("1,regional,00.jpg,15.0,", "1,regional,00.jpg,15.0,0"))
    assert renew.renew_pages([], docs, check=True) == 1
    renew.renew_pages([], docs)
    (docs / "images" / "textures-roads-curve-gmsd.png").unlink()
    assert renew.renew_pages([], docs, check=True) == 1


def test_states_of_the_code_are_never_mixed(run, other_run, tmp_path):
    docs = docs_with(tmp_path, "roads verdicts", "walls verdicts", "roads walls provenance", roads=run, walls=other_run)
    before = files_of(docs)
    with pytest.raises(InputError, match="never mixes states of the code") as refused:
        renew.renew_pages(["textures"], docs)
    for word in ("roads: commit 1a2b3c4", "walls: commit 9f8e7d6", "commit=1a2b3c4"):
        assert word in str(refused.value)
    assert files_of(docs) == before


def test_a_block_that_names_its_commit_may_be_of_another(run, other_run, tmp_path):
    markers = ["roads verdicts", "walls verdicts commit=9f8e7d6", PROVENANCE, "walls provenance commit=9f8e7d6"]
    docs = docs_with(tmp_path, *markers, roads=run, walls=other_run)
    renew.renew_pages(["textures"], docs)
    assert "Made of [walls](tables/walls.csv), commit 9f8e7d6." in (docs / "textures.md").read_text()
    page = docs / "textures.md"
    page.write_text(page.read_text().replace("commit=9f8e7d6", "commit=1a2b3c4"))
    with pytest.raises(InputError, match="names another commit than that of walls, commit 9f8e7d6"):
        renewed("textures", docs)


def test_another_commit_of_the_same_code_is_the_same_state(run, tmp_path):
    docs = docs_with(tmp_path, "roads walls provenance", roads=run, walls=run)
    facts = read_json(docs / "tables" / "walls.json")
    source = {**SOURCE, "commit": OTHER["commit"], "tags": []}
    write_json(docs / "tables" / "walls.json", {**facts, "trained": source, "scored": source})
    assert "commit 9f8e7d6" in renewed("textures", docs).text


@pytest.mark.parametrize("field", ["resumed", "scored"])
def test_a_run_of_two_states_is_not_taken_for_one(run, tmp_path, field):
    docs = docs_with(tmp_path, PROVENANCE, roads=run)
    facts = read_json(docs / "tables" / "roads.json")
    write_json(docs / "tables" / "roads.json", {**facts, field: [OTHER] if field == "resumed" else OTHER})
    if field == "resumed":
        with pytest.raises(InputError, match=r"roads: commit 1a2b3c4 \(tag study\), then commit 9f8e7d6"):
            renewed("textures", docs)
    else:  # evaluated again, all of it: the page says so
        assert "scored with commit 9f8e7d6" in renewed("textures", docs).text


def test_a_missing_table_is_told_with_status_2_and_the_page_is_untouched(run, tmp_path, capsys, monkeypatch):
    docs = docs_with(tmp_path, "roads verdicts", "walls verdicts", PROVENANCE, roads=run)
    before = files_of(docs)
    monkeypatch.setattr(renew.renew_pages, "__defaults__", (docs,))
    error = refusal(capsys, renew.main, ["textures"])
    assert "There is no table walls in" in error
    assert "python docs/renew.py keep RUN --as walls" in error
    assert files_of(docs) == before


def test_a_page_is_written_only_if_all_can_be_made(run, tmp_path):
    docs = docs_with(tmp_path, PROVENANCE, roads=run)
    docs_with(tmp_path, "walls provenance", page="walls")
    before = files_of(docs)
    with pytest.raises(InputError, match="no table walls"):
        renew.renew_pages(["textures", "walls"], docs)
    assert files_of(docs) == before


def test_a_page_says_where_its_tables_come_from(run, tmp_path):
    docs = docs_with(tmp_path, "roads verdicts", roads=run)
    with pytest.raises(InputError, match="add the block <!-- table: roads provenance -->"):
        renewed("textures", docs)


def test_the_origin_names_command_commit_machine_hours_and_falls(run, tmp_path):
    docs = docs_with(tmp_path, PROVENANCE, roads=run)
    text = renewed("textures", docs).text
    for words in (
        "`python -m training.textures --data roads --compare --repeats 3 --steps 200`",
        "commit 1a2b3c4 (tag study)",
        "1.0 hours of training on Abacus 3000, 2 cores (Python 3.11.7, TensorFlow 2.21.0, Keras 3.15.1, NumPy 2.4.6)",
        "3 repeats; 46 photographs from roads (30 to train on, 4 to validate, 12 to test)",
        "No training fell.",
    ):
        assert words in text


BAD_PAGES = {
    "no end": ("<!-- table: a scores -->\n", r"page\.md: the block <!-- table: a scores --> has no end"),
    "no begin": ("words\n<!-- end -->\n", r"page\.md, line 2: <!-- end --> ends no block"),
    "nested": ("<!-- table: a scores -->\n<!-- table: b scores -->\n<!-- end -->\n", "line 2: a block begins before"),
    "no kind": ("<!-- table: a -->\n<!-- end -->\n", "line 1: a block names one or more tables and then its kind"),
}


@pytest.mark.parametrize(("text", "message"), BAD_PAGES.values(), ids=BAD_PAGES)
def test_wrong_markers_are_refused_with_their_line(text, message):
    with pytest.raises(InputError, match=message):
        split_page(text, "page.md")


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ("roads verdict", "is of no known kind; of roads it is one of provenance, verdicts"),
        ("roads curve colour=red", "A block of curve has no option 'colour'; it knows measure"),
        ("roads curve measure=mse", "The option measure of a block of curve is one of gmsd, .*; received 'mse'"),
        ("roads roads training", "A block of training takes 1 table; received 2"),
        ("roads against", "A block of against takes two tables"),
        ("roads mnist curve", "mixes tables of different commands: iterative, textures"),
    ],
)
def test_blocks_that_cannot_be_made_are_refused(run, tmp_path, marker, message):
    docs = docs_with(tmp_path / "docs", marker, "roads mnist provenance", roads=run)
    if "mnist" in marker:
        keep(digit_run(tmp_path / "digits"), "mnist", docs / "tables")
    else:
        page = docs / "textures.md"
        page.write_text(page.read_text().replace("roads mnist provenance", PROVENANCE))
    with pytest.raises(InputError, match=message):
        renewed("textures", docs)


def test_a_page_that_is_not_there_is_refused(tmp_path):
    docs = docs_with(tmp_path, page="iterative")
    with pytest.raises(InputError, match="There is no page texture; the pages are iterative"):
        renewed("texture", docs)


def test_a_damaged_table_is_refused(run, tmp_path):
    docs = docs_with(tmp_path, PROVENANCE, roads=run)
    (docs / "tables" / "roads.json").write_text('{"kind": "textures"}')
    with pytest.raises(InputError, match="is damaged: it lacks command, resumed, scored, trained"):
        renewed("textures", docs)


def test_run_goes_with_one_page_alone(tmp_path, capsys):
    assert "--run goes with one page" in refusal(capsys, renew.main, ["--run", str(tmp_path)])
    assert "made of tables alone" in refusal(capsys, renew.main, ["textures", "--run", str(tmp_path)])


def test_the_pages_of_the_project_are_as_their_tables_make_them():
    assert DOCS == ROOT / "docs"
    assert renew.renew_pages([], check=True) == 0
