"""Blocks of pages on digits."""

import re

import numpy as np
import pytest
from kept_tables import digit_run, digit_table, docs_with
from renewing.pages import renewed

from evaluation.differences import training_interval
from evaluation.digits.claims import compare
from evaluation.measures import MEASURES, MINUS
from tf_denoise.errors import InputError
from tf_denoise.runs.folder import read_json
from tf_denoise.runs.writing import write_json

BOTH, CONTROL = "multi_level/both", "multi_level/control"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return digit_run(tmp_path_factory.mktemp("runs") / "run")


def text_of(folder, marker, run):
    docs = docs_with(folder, marker, "mnist provenance", page="iterative", mnist=run)
    return renewed("iterative", docs).text


def rows_below(text, heading):
    lines = text.split(heading)[1].strip().splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[: lines.index("")]]


@pytest.mark.parametrize("measure", ["mse", "ssim", "classifier_accuracy"])
def test_a_form_minus_its_control_with_both_intervals(run, tmp_path, measure):
    text = text_of(tmp_path, f"mnist forms measure={measure} against=control", run)
    write, table = MEASURES[measure], digit_table()
    rows = rows_below(text, f"**{write.heading}, against one network of equal training**")
    assert rows[0] == ["noise", "Multi-level: sees both"]
    assert [row[0] for row in rows[2:]] == ["original", *(f"{p}%" for p in range(10, 101, 10)), "mixed"]
    found = compare(table, BOTH, CONTROL, measure).differences["50%"]
    values = [[score.value for score in table.over_repeats(name, "50%", measure)] for name in (BOTH, CONTROL)]
    trainings = training_interval(np.subtract(*values))
    cell = rows[2 + 5][1]
    assert re.fullmatch(r"\*\*\S+\*\* \(\S+ to \S+; \S+ to \S+\)", cell)
    shown = [float(number) for number in re.findall(r"[+-][\d.]+", cell.replace(MINUS, "-"))]
    last = 10**-write.decimals  # of which the values are kept to a hundredth
    assert shown == pytest.approx([found.value, found.low, found.high, *trainings], abs=0.6 * last)
    assert "- Multi-level: sees both: better in 12, worse in 0, unclear in 0 of 12" in text


def test_every_control_has_a_table_and_the_parent_if_it_is_asked_for(run, tmp_path):
    text = text_of(tmp_path / "a", "mnist forms measure=mse", run)
    assert "against one network of equal training**" in text
    assert "against a wider network of equal training and no fewer multiply-adds**" in text
    assert "against a deeper network" not in text
    assert "against its parent" not in text
    assert "against its parent**" in text_of(tmp_path / "b", "mnist forms measure=mse against=parent", run)


@pytest.mark.parametrize("repeats", [1, 2])
def test_few_repeats_tell_little_of_trainings(repeats, tmp_path):
    run = digit_run(tmp_path / "run", repeats=repeats)
    text = text_of(tmp_path / "docs", "mnist forms measure=mse against=control", run)
    [cell] = {row[1] for row in rows_below(text, "against one network of equal training**") if row[0] == "50%"}
    assert (";" in cell) == (repeats == 2)
    assert ("that over trainings" in text) == (repeats == 2)
    assert {1: "One repeat: the findings hold for these very networks", 2: "2 repeats: the interval over"}[
        repeats
    ] in text


def test_a_form_that_gains_nothing_is_not_bold(tmp_path):
    run = digit_run(tmp_path / "run", good=0)
    text = text_of(tmp_path / "docs", "mnist forms measure=mse against=control", run)
    cells = [row[1] for row in rows_below(text, "against one network of equal training**")[2:]]
    assert any(not cell.startswith("**") for cell in cells)


def test_scores_are_means_over_repeats(run, tmp_path):
    text = text_of(tmp_path, "mnist scores measure=ssim", run)
    values = [score.value for score in digit_table().over_repeats(BOTH, "20%", "ssim")]
    [row] = [line.split("|") for line in text.splitlines() if line.startswith("| Multi-level: sees both |")]
    assert row[4].strip() == MEASURES["ssim"].text(float(np.mean(values)))
    assert "| Noisy input |" in text


def test_claims_are_the_findings_of_the_run(run, tmp_path):
    assert (run / "findings.md").read_text().strip() in text_of(tmp_path, "mnist claims", run)


@pytest.mark.parametrize("kind", ["curve", pytest.param("panels", marks=pytest.mark.slow)])
def test_figures_are_drawn_of_the_table(run, tmp_path, kind):
    docs = docs_with(tmp_path, f"mnist {kind}", "mnist provenance", page="iterative", mnist=run)
    made = renewed("iterative", docs)
    [(path, data)] = made.images.items()
    assert path == docs / "images" / f"iterative-mnist-{kind}.png"
    assert data.startswith(b"\x89PNG")
    assert f"images/iterative-mnist-{kind}.png)" in made.text


def test_a_table_without_forms_says_so(run, tmp_path):
    docs = docs_with(tmp_path, "mnist forms", "mnist provenance", page="iterative", mnist=run)
    facts = read_json(docs / "tables" / "mnist.json")
    write_json(docs / "tables" / "mnist.json", {**facts, "tree": facts["tree"][:1]})
    with pytest.raises(InputError, match="mnist has no second stage of another form"):
        renewed("iterative", docs)


def test_lost_contrasts_are_told(run, tmp_path):
    docs = docs_with(tmp_path, "mnist forms", "mnist provenance", page="iterative", mnist=run)
    (docs / "tables" / "mnist.contrasts.csv").unlink()
    with pytest.raises(InputError, match=r"mnist\.contrasts\.csv is missing: python docs/renew.py keep RUN --as mnist"):
        renewed("iterative", docs)
