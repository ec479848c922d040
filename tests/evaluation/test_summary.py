"""Several runs side by side."""

import csv
import io
import json
import re
import shutil

import pytest

from evaluation.__main__ import main
from evaluation.summary import as_text, summarise
from tf_denoise.errors import InputError
from tf_denoise.runs.writing import write_json

MEASURED = ("mse", "psnr", "ssim", "classifier_accuracy")


def digits_run(folder, repeats=1, worse=0.0):
    """A run on digits as far as the summary reads it: a parent, a child and the noisy input."""
    rows = []
    for repeat in range(repeats + 1):
        for network in ["input"] if repeat == 0 else ["multi_level", "multi_level/both"]:
            for test_set in ("50%", "mixed"):
                for place, measure in enumerate(MEASURED):
                    value = 0.1 + place + 0.01 * repeat + worse + (0.5 if test_set == "mixed" else 0)
                    row = {"repeat": repeat, "network": network, "test_set": test_set, "measure": measure}
                    row |= {
                        "renoised": False,
                        "rounded": False,
                        "value": value,
                        "low": value - 0.05,
                        "high": value + 0.05,
                    }
                    rows += [row, {**row, "rounded": True, "value": 99.0}, {**row, "renoised": True, "value": 98.0}]
    write_json(folder / "config.json", {"command": "iterative", "repeats": repeats})
    write_json(folder / "scores.json", rows)
    return folder


def photograph_run(folder, **options):
    average = {"value": 25.0, "low": 24.0, "high": 26.0, "least": 24.5, "most": 25.5}
    measures = dict.fromkeys(("mse", "psnr", "ssim", "gmsd"), average)
    methods = {"input": {"parameters": None, **measures}, "mae": {"parameters": 7, **measures}}
    write_json(
        folder / "config.json",
        {"command": "textures", "repeats": 2, "network": "unet", "noisy": None, "clean": None, **options},
    )
    write_json(folder / "scores.json", {"methods": methods, "pictures": [{"repeat": r} for r in (0, 1, 2)]})
    return folder


def test_networks_of_several_runs_stand_below_each_other(tmp_path):
    text = as_text(summarise([digits_run(tmp_path / "first"), digits_run(tmp_path / "second", worse=0.2)]))
    lines = [line.split("  ") for line in text.splitlines()]
    assert lines[0][0] == "Digits, mixed noise"
    names = [[word.strip() for word in line if word][:4] for line in lines[2:8]]
    assert [(name, run, mse) for name, run, _, mse in names] == [
        ("Noisy input", "first", "0.60000 (0.55000 to 0.65000)"),
        ("Noisy input", "second", "0.80000 (0.75000 to 0.85000)"),
        ("Multi-level: parent", "first", "0.61000 (0.56000 to 0.66000)"),
        ("Multi-level: parent", "second", "0.81000 (0.76000 to 0.86000)"),
        ("Multi-level: sees both", "first", "0.61000 (0.56000 to 0.66000)"),
        ("Multi-level: sees both", "second", "0.81000 (0.76000 to 0.86000)"),
    ]


def test_of_several_repeats_the_least_and_the_largest_are_shown(tmp_path):
    table = summarise([digits_run(tmp_path / "run", repeats=3)], "50%")
    entry = table.select(network="multi_level", measure="mse")[0]
    assert (entry.value, entry.least, entry.most) == pytest.approx((0.12, 0.11, 0.13))
    assert (entry.low, entry.high, entry.repeats) == (None, None, 3)
    lines = as_text(table).splitlines()
    assert [re.split(" {2,}", line)[:4] for line in lines[2:4]] == [
        ["Noisy input", "run", "1", "0.10000 (0.05000 to 0.15000)"],
        ["Multi-level: parent", "run", "3", "0.12000 [0.11000 to 0.13000]"],
    ]
    assert "Digits, 50%" in as_text(table)


def test_photographs_stand_in_a_table_of_their_own(tmp_path):
    table = summarise([digits_run(tmp_path / "a"), photograph_run(tmp_path / "b")])
    text = as_text(table)
    assert text.index("Digits, mixed noise") < text.index("Photographs")
    assert "25.00 (24.00 to 26.00)" in text
    entries = table.select(command="textures", measure="psnr")
    assert [(e.network, e.repeats, e.least) for e in entries] == [("input", 1, 24.5), ("mae", 2, 24.5)]


def test_networks_on_photographs_are_called_by_what_they_are(tmp_path):
    plain, other = photograph_run(tmp_path / "a"), photograph_run(tmp_path / "b", network="vit_unet")
    text = as_text(summarise([plain, other]))
    assert re.findall(r"^(\S.*?) {2,}(\S+) {2,}(\d) ", text, re.MULTILINE) == [
        ("Noisy input", "a", "1"), ("Noisy input", "b", "1"),
        ("U-Net, MAE", "a", "2"), ("U-Net with transformer, MAE", "b", "2"),
    ]  # fmt: skip


def test_machines_get_a_line_per_value(tmp_path, capsys):
    run = str(digits_run(tmp_path / "run"))
    main(["summary", run, "--csv"])
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    main(["summary", run, "--json"])
    records = json.loads(capsys.readouterr().out)
    assert [{k: "" if v is None else str(v) for k, v in record.items()} for record in records] == rows
    assert len(rows) == 3 * len(MEASURED)
    main(["summary", run])
    assert "Multi-level: sees both" in capsys.readouterr().out


def test_a_run_named_twice_is_shown_once_and_equal_names_become_paths(tmp_path):
    first, other = digits_run(tmp_path / "a" / "run"), digits_run(tmp_path / "b" / "run")
    assert summarise([first, other, first]).distinct("run") == [str(first), str(other)]
    assert summarise([first, first]).distinct("run") == ["run"]


def damaged(folder):
    run = digits_run(folder / "damaged")
    write_json(run / "scores.json", [{"network": "input"}])
    return run


def empty(folder):
    run = digits_run(folder / "empty")
    write_json(run / "scores.json", [])
    return run


def unscored(folder):
    run = digits_run(folder / "unscored")
    (run / "scores.json").unlink()
    return run


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: folder, "is not a run folder: it has no config.json"),
        (unscored, r"is not evaluated yet; python -m evaluation .*unscored does it\."),
        (lambda folder: digits_run(folder / "run") / "scores.json", r"scores\.json is a file, and not a run folder\."),
        (empty, r"scores\.json is damaged: expected the scores of a run; evaluate it again\."),
        (
            lambda folder: photograph_run(folder / "alone", noisy="noisy", clean=None),
            "alone learned from noisy photographs alone: it has no table of scores; its report.html has",
        ),
        (damaged, r"scores\.json is damaged: expected the scores of a run; evaluate it again\."),
    ],
)
def test_what_cannot_be_summarised_is_refused(tmp_path, make, message):
    with pytest.raises(InputError, match=message):
        summarise([make(tmp_path)])


def test_words_that_do_not_fit_are_refused(tmp_path, capsys):
    run = digits_run(tmp_path / "run")
    with pytest.raises(InputError, match=r"--test-set is one of original, 10%, .*, mixed; received 'fifty'"):
        summarise([run], "fifty")
    photographs = photograph_run(tmp_path / "photographs")
    with pytest.raises(InputError, match="--test-set is of runs on digits, and none of these is one; leave it out"):
        summarise([photographs], "50%")
    assert summarise([photographs, run], "50%").select(command="iterative")
    with pytest.raises(InputError, match="summary takes one or more run folders; received none"):
        summarise([])
    with pytest.raises(SystemExit) as end:
        main(["summary", str(run), "--csv", "--json"])
    assert end.value.code == 2
    assert "--json and --csv are two forms of the same table; choose one." in capsys.readouterr().err


def test_the_runs_themselves_can_be_summarised(tiny_run, tmp_path):
    copy = shutil.copytree(tiny_run, tmp_path / "copy", ignore=shutil.ignore_patterns("networks", "tensorboard"))
    table = summarise([tiny_run, copy])
    scores = json.loads((tiny_run / "scores.json").read_text())
    [row] = [
        row
        for row in scores
        if (row["network"], row["test_set"], row["measure"]) == ("multi_level/25", "mixed", "mse")
        and not row["rounded"]
        and not row["renoised"]
    ]
    for entry in table.select(network="multi_level/25", measure="mse"):
        assert (entry.value, entry.low, entry.high) == (row["value"], row["low"], row["high"])
