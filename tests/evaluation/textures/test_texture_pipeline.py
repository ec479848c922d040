"""The whole evaluation on a small run: its files, and the report as a reader meets it."""

import base64
import contextlib
import csv
import dataclasses
import json
import re
from unittest import mock

import matplotlib.image
import numpy as np
import pytest
from report_pages import CHROMIUM, COUNT_IMAGES, Page, chromium
from texture_cases import at_levels, blur, pictures, record, small_run

from evaluation.differences import Difference, caveat
from evaluation.measures import PHOTOGRAPHS
from evaluation.table import INPUT
from evaluation.textures import tuning
from evaluation.textures.baselines import BASELINES
from evaluation.textures.findings import headline
from evaluation.textures.pipeline import evaluate_textures
from evaluation.textures.rows import mood
from evaluation.textures.verdicts import Judgement

NASTY = "fre<b>quency"
QUICK = ("gaussian_blur", "median")
SECTIONS = ("verdict", "scores", "crops", "sweep", "cost", "training", "run", "definitions")


@pytest.fixture(scope="module")
def fast():
    """The slow classical methods have a single candidate, the blur a few."""
    with pytest.MonkeyPatch.context() as patch:
        blurs = {"kernel_size": (3, 7), "sigma": (0.5, 1.0, 2.0)}
        patch.setitem(BASELINES, "gaussian_blur", dataclasses.replace(BASELINES["gaussian_blur"], grid=blurs))
        for name in ("non_local_means", "opencv_non_local_means", "total_variation"):
            patch.setitem(BASELINES, name, dataclasses.replace(BASELINES[name], grid={}))
        yield


@contextlib.contextmanager
def quick_methods():
    """Only the two quickest classical methods are there; afterwards all, in their order."""
    with mock.patch.dict(BASELINES, {name: BASELINES[name] for name in QUICK}, clear=True):
        yield


@pytest.fixture
def quick():
    with quick_methods():
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory, fast):
    folder = tmp_path_factory.mktemp("textures")
    run = small_run(sharper=NASTY)
    run.data["skipped"].append(["<script>.png", "no <image>"])
    assert evaluate_textures(folder, run) == folder / "report.html"
    return folder


@pytest.fixture(scope="module")
def source(folder):
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(source):
    return Page(source)


@pytest.mark.slow
def test_the_report_is_one_file_that_needs_no_network(page, source):
    addresses = [value for _, attributes in page.tags for key, value in attributes.items() if key in ("src", "href")]
    assert [a[:40] for a in addresses if not a.startswith(("data:", "#"))] == []
    assert not re.search(r"url\(|@import|<script|<iframe", source)


@pytest.mark.slow
def test_every_section_is_there_and_linked(page):
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert ids == list(SECTIONS)
    links = {address[1:] for address in page.all("a", "href")}
    assert links == set(SECTIONS)


@pytest.mark.slow
def test_the_report_begins_with_two_sentences_and_a_picture_and_folds_the_evidence(page, source):
    answer = source[source.index('<section class="answer">') : source.index("</section>")]
    assert answer.count("<img") == 1
    words = " ".join(Page(answer).text.split())
    assert re.fullmatch(
        r"No verdict on losses: it takes 10 test photographs or more\. U-Net, .*, the best of 2 networks, "
        r"has \d+\.\d\d dB on average over the test photographs, .* \d+\.\d\d dB; "
        r"so few photographs support no verdict\.",
        words,
    )
    depth = 0
    for tag in re.findall(r"</?(?:details|table)\b", source):
        depth += {"<details": 1, "</details": -1}.get(tag, 0)
        assert depth > 0 or tag == "</details", "a table is not folded"
    assert not [attributes for name, attributes in page.tags if name == "details" and "open" in attributes]


@pytest.mark.slow
def test_names_are_escaped(page, source):
    assert "fre<b>" not in source
    assert "<script>" not in source
    assert "U-Net, fre<b>quency" in page.text
    assert "<script>.png : no <image>" in page.text


@pytest.mark.slow
def test_every_figure_stands_in_the_report_and_beside_it(page, folder):
    shown = [base64.b64decode(address.split(",", 1)[1]) for address in page.all("img", "src")]
    saved = {path.name: path.read_bytes() for path in (folder / "figures").iterdir()}
    names = ["answer.png", "sharpness.png", "crop-1.png", "crop-2.png", "crop-3.png", "psnr-over-noise.png", "cost.png"]
    names.append("training.png")
    assert shown == [saved[name] for name in names]
    assert len(saved) == 8
    assert all(page.all("img", "alt"))
    for name in names:
        assert matplotlib.image.imread(folder / "figures" / name).std() > 0.02, name


@pytest.mark.slow
def test_the_report_says_what_was_run(page):
    for words in (
        "Squares cut from the astronaut.", "3 to train, 2 to validate, 4 to test", "Gaussian of deviation 40",
        "U-Net, 1,234 weights", "2 losses, 1 repeat, 100 steps each, seed 3", "2.0 min in all",
        "TensorFlow 2.21", "2 files were skipped", "broken.jpg : truncated", "loss_weight 0.2", "a.png, b.png, c.png",
    ):  # fmt: skip
        assert words in page.text, words


@pytest.mark.slow
def test_one_repeat_is_said_to_support_no_claim_about_training(page, folder):
    assert caveat(1) in page.text
    assert caveat(1) in (folder / "findings.md").read_text()
    assert "4 test photographs: a verdict takes 10 or more, so all are unclear." in page.text
    assert "over trainings, Student" not in page.text.partition("Intervals")[0]  # there is none over a single one


@pytest.mark.slow
def test_the_verdict_and_the_rule_stand_in_the_report(page):
    assert "No verdict on losses: it takes 10 test photographs or more." in page.text
    for words in ("Sharper:", "No greater MSE:", "No checkerboard:", "No discoloration:", "fewer than 10 test"):
        assert words in page.text
    assert "had the lowest mean squared error of the classical methods on the validation photographs" in page.text
    assert re.search(r"beats it|loses to it|unclear", page.text)


@pytest.mark.slow
def test_the_score_table_is_that_of_the_files(page, folder):
    with open(folder / "scores.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4 * (1 + len(BASELINES) + 2) * len(PHOTOGRAPHS)
    scores = json.loads((folder / "scores.json").read_text())
    assert len(scores["pictures"]) == len(rows)
    for name in (INPUT, *BASELINES, "mse", NASTY):
        values = [float(row["value"]) for row in rows if (row["method"], row["measure"]) == (name, "psnr")]
        assert scores["methods"][name]["psnr"]["value"] == pytest.approx(np.mean(values))
        assert f"{np.mean(values):.2f}" in page.text
    assert scores["methods"]["mse"]["parameters"] == 1234
    assert scores["methods"][INPUT]["milliseconds_per_megapixel"] is None
    assert scores["methods"]["median"]["milliseconds_per_megapixel"] > 0
    assert [v["method"] for v in scores["verdicts"]] == [NASTY, "mse", NASTY]
    assert scores["sweep"]["sigmas"] == [10, 40, 70]


@pytest.mark.slow
def test_the_best_value_of_a_column_is_bold(source, folder):
    methods = json.loads((folder / "scores.json").read_text())["methods"]
    table = source.split('id="scores"')[1].split("</table>")[0]
    bold = re.findall(r"<b>([\d.]+)</b>", table)
    assert len(bold) == len(PHOTOGRAPHS) - 1  # less of a checkerboard than none is no merit
    assert f"{max(row['psnr']['value'] for row in methods.values()):.2f}" in bold
    assert f"{min(row['mse']['value'] for row in methods.values()):.5f}" in bold
    ratios = [row["high_frequency_ratio"]["value"] for row in methods.values()]
    assert f"{min(ratios, key=lambda ratio: abs(ratio - 1)):.3f}" in bold


@pytest.mark.slow
def test_the_findings_are_tables_in_markdown(folder):
    lines = (folder / "findings.md").read_text().splitlines()
    tables = [list(group) for group in _tables(lines)]
    assert len(tables) == 5
    for table in tables:
        assert len({line.count("|") for line in table}) == 1
        assert set(table[1]) == {"|", "-"}
    scores = tables[2]
    assert len(scores) == 2 + 1 + len(BASELINES) + 2
    assert [line.split("|")[1].strip() for line in scores[2:4]] == ["Noisy input", "Gaussian blur"]


def _tables(lines):
    table = []
    for line in [*lines, ""]:
        if line.startswith("|"):
            table.append(line)
        elif table:
            yield table
            table = []


@pytest.mark.slow
def test_tuning_never_sees_a_test_picture(monkeypatch, tmp_path, fast, quick):
    """Every other use of the test pictures is behind the tuning, so what it is handed is all it can see."""
    run = small_run(sigmas=(), make_noisy=None, trained_range=None, test=pictures(2))
    handed = []
    tune = tuning.tune

    def listen(baseline, seen):
        handed.append([picture.name for picture in seen])
        return tune(baseline, seen)

    monkeypatch.setattr(tuning, "tune", listen)
    evaluate_textures(tmp_path / "a", run)
    assert handed == [[picture.name for picture in run.validation]] * len(BASELINES)
    text = (tmp_path / "a" / "report.html").read_text()
    assert 'id="sweep"' not in text
    assert not (tmp_path / "a" / "figures" / "psnr-over-noise.png").exists()


@pytest.fixture(scope="module")
def ladder(tmp_path_factory, fast):
    """A run on eleven photographs at two levels, with the two quickest classical methods."""
    folder = tmp_path_factory.mktemp("ladder")
    with quick_methods():
        levels = (15.0, 50.0)
        test, validation = at_levels(pictures(11, side=40), levels), at_levels(pictures(2, side=40, seed=70), levels)
        evaluate_textures(folder, small_run(test=test, validation=validation, sigmas=(15.0, 65.0)))
    return folder


@pytest.mark.slow
def test_every_photograph_is_scored_at_every_level(ladder):
    with open(ladder / "scores.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 11 * 2 * (1 + len(QUICK) + 2) * len(PHOTOGRAPHS)
    places = [(row["method"], row["picture"], row["level"], row["measure"]) for row in rows]
    assert len(set(places)) == len(rows)
    assert {row["level"] for row in rows} == {"15.0", "50.0"}


@pytest.mark.slow
def test_rivals_are_tuned_at_every_level_and_named_by_it(ladder):
    scores = json.loads((ladder / "scores.json").read_text())
    settings = {(row["level"], row["method"]): row["parameters"] for row in scores["classical"]}
    assert set(settings) == {(level, name) for level in (15, 50) for name in QUICK}
    assert settings[15, "gaussian_blur"]["sigma"] < settings[50, "gaussian_blur"]["sigma"]
    assert len(scores["levels"]) == 2 * (1 + len(QUICK) + 2)
    for row in scores["levels"]:
        of_level = [
            p["value"]
            for p in scores["pictures"]
            if (p["method"], p["level"], p["measure"]) == (row["method"], row["level"], "psnr")
        ]
        assert row["psnr"]["value"] == pytest.approx(np.mean(of_level))


@pytest.mark.slow
def test_the_report_has_a_table_by_noise_level(ladder):
    source = (ladder / "report.html").read_text()
    table = source.split("By noise level")[1].split("</table>")[0]
    shown = Page(table).text
    scores = json.loads((ladder / "scores.json").read_text())
    for row in scores["levels"]:
        assert f"{row['psnr']['value']:.2f}" in shown
    assert re.search(r'<td class="(better|worse|unclear)">', table)
    text = Page(source).text
    assert "PSNR (dB) at sigma 15 sigma 50" in text
    assert re.search(r"11 test photographs \(0\.0*[1-9]\d? megapixels\), 2 noise levels \(sigma 15, sigma 50\)", text)
    assert "a photograph's differences at all 2 noise levels are averaged first" in text
    assert "verdict takes 10 or more" not in text
    assert "A detail of astronaut 0 at sigma 15 as each method gives it" in source
    assert len(list((ladder / "figures").glob("crop-*.png"))) == 3
    assert "| PSNR (dB) at | sigma 15 | sigma 50 |" in (ladder / "findings.md").read_text()


@pytest.mark.slow
def test_verdicts_of_eleven_photographs_may_be_clear(ladder):
    verdicts = json.loads((ladder / "scores.json").read_text())["verdicts"]
    assert all(difference["is_enough"] for verdict in verdicts for difference in verdict["differences"].values())
    assert [row["level"] for row in verdicts[0]["by_level"]] == [15, 50]


@pytest.mark.slow
def test_repeats_and_a_stopped_network_are_reported(tmp_path, fast, quick):
    run = small_run(repeats=2, sigmas=(), test=pictures(2))
    run.records[2, "frequency"] = record(steps=60, stopped="its loss was not finite")
    run.records[1, "frequency"] = record() | {"history": {"loss": [0.4, 0.3, 9.0], "val_psnr": [26.0, 9.0, 12.0]}}
    page = Page(evaluate_textures(tmp_path, run).read_text())
    assert "U-Net, frequency, repeat 2, was stopped: its loss was not finite." in page.text
    assert "U-Net, frequency, repeat 1: training fell from 26.0 to 9.0 dB of validation PSNR" in page.text
    assert "2 losses, 2 repeats" in page.text
    assert "100, 60" in page.text
    assert "2 repeats: the interval over trainings rests on 2 of them" in page.text
    assert "in italics, that over trainings" in page.text


@pytest.mark.slow
def test_a_single_network_has_scores_and_no_verdict_on_losses(tmp_path, fast, quick):
    run = small_run(
        networks={(1, "wavelet"): blur(1)}, records={(1, "wavelet"): record()}, parameters={"wavelet": 5},
        test=pictures(1), sigmas=(),
    )  # fmt: skip
    page = Page(evaluate_textures(tmp_path, run).read_text())
    assert "No verdict on losses" in page.text
    assert "1 test photograph: a verdict takes 10 or more" in page.text
    assert "U-Net, wavelet" in page.text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("verdicts", "sentence"),
    [
        (["unclear"], "By the rule, the one other loss is not better than the mean squared error alone."),
        (["better"], "By the rule, the one other loss is better than the mean squared error alone: loss 0."),
        (["unclear"] * 2, "By the rule, none of 2 other losses is better than the mean squared error alone."),
        (
            ["better"] * 2,
            "By the rule, 2 of 2 other losses are better than the mean squared error alone: loss 0, loss 1.",
        ),
    ],
)
def test_the_headline_counts_the_better_losses(verdicts, sentence):
    assert headline([Judgement(f"loss_{i}", "mse", verdict, (), {}) for i, verdict in enumerate(verdicts)]) == sentence


@pytest.mark.slow
def test_of_few_photographs_the_headline_gives_no_verdict():
    few = Difference(0.1, 1.0, 0.0, 0.2, None, None, -1, is_enough=False)
    assert headline([Judgement("wavelet", "mse", "unclear", (), {"mse": few})]) == (
        "No verdict on losses: it takes 10 test photographs or more."
    )


@pytest.mark.slow
def test_of_many_better_losses_the_headline_names_those_with_the_least_error():
    changes = {"a": -0.1, "b": -0.4, "c": -0.2, "d": -0.3, "e": -0.5}
    verdicts = [
        Judgement(name, "mse", "unclear" if name == "e" else "better", (), {"mse": mock.Mock(value=change)})
        for name, change in changes.items()
    ]
    assert headline(verdicts, str.upper) == (
        "By the rule, 4 of 5 other losses are better than the mean squared error alone, "
        "with the least error B, D and C."
    )


@pytest.mark.slow
def test_verdicts_are_coloured_by_what_they_say():
    assert mood("better") == mood("beats it") == "better"
    assert mood("unclear") == "unclear"
    assert mood("sharper, but costs MSE") == mood("no sharper") == mood("loses to it") == "worse"


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the PATH")
def test_the_report_opens_in_a_browser(source, tmp_path):
    report = tmp_path / "report.html"
    report.write_text(source.replace("</body>", COUNT_IMAGES), encoding="utf-8")
    dom = chromium(report, tmp_path / "profile", "--dump-dom")
    widths = [int(width) for width in re.search(r'data-widths="([\d ]+)"', dom)[1].split()]
    assert len(widths) == 8
    assert min(widths) > 100  # all decoded
    assert int(re.search(r'data-height="(\d+)"', dom)[1]) > 3000
    assert "Each loss against the mean squared error alone" in Page(dom).text
