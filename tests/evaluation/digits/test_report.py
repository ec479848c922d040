import base64
import csv
import re

import matplotlib.image
import numpy as np
import pytest
from helpers import OPTIONS
from report_pages import CHROMIUM, COUNT_IMAGES, Page, chromium

from evaluation.differences import caveat
from evaluation.digits.names import full_label
from evaluation.digits.test_sets import TEST_SETS
from evaluation.measures import MEASURES
from training.iterative.lineage import grow_tree

TREE = grow_tree(50, OPTIONS["--children"], 1)


@pytest.fixture(scope="module")
def source(tiny_run):
    return (tiny_run / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(source):
    return Page(source)


def test_the_report_is_one_file_that_needs_no_network(page, source):
    addresses = [value for _, attributes in page.tags for key, value in attributes.items() if key in ("src", "href")]
    assert addresses
    assert [a[:40] for a in addresses if not a.startswith(("data:", "#"))] == []
    assert not re.search(r"url\(|@import|<script|<iframe", source)
    assert not re.search(r"https?://", source)


def test_the_report_begins_with_two_sentences_and_a_picture_and_folds_the_evidence(page, source):
    answer = source[source.index('<section class="answer">') : source.index("</section>")]
    assert answer.count("<img") == 1
    words = " ".join(Page(answer).text.split())
    assert re.fullmatch(r"(Yes|No|In part): .*\. The second network that is best on mixed noise, .*\.", words)
    depth = 0
    for tag in re.findall(r"</?(?:details|table)\b", source):
        depth += {"<details": 1, "</details": -1}.get(tag, 0)
        assert depth > 0 or tag == "</details", "a table is not folded"
    assert not [attributes for name, attributes in page.tags if name == "details" and "open" in attributes]
    assert not re.search(r"\b1 (epochs|repeats|cores|networks)\b", page.text)


def test_links_within_the_report_lead_somewhere(page):
    ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    links = [link[1:] for link in page.all("a", "href")]
    assert "findings" in links
    assert set(links) <= ids


def test_every_figure_stands_in_the_report_and_beside_it(page, tiny_run):
    shown = [base64.b64decode(address.split(",", 1)[1]) for address in page.all("img", "src")]
    saved = [path.read_bytes() for path in (tiny_run / "figures").iterdir()]
    assert sorted(shown) == sorted(saved)
    assert len(shown) == 1 + 2 + 6 + 1 + 2
    assert all(page.all("img", "alt"))
    for path in (tiny_run / "figures").iterdir():
        pixels = matplotlib.image.imread(path)
        assert min(pixels.shape[:2]) > 100
        assert pixels.std() > 0.02, path  # not blank


def test_the_report_says_what_was_run(page):
    assert "Data: tiny.npz: 120 training and 24 test digits." in page.text
    assert caveat(1) in page.text
    for words in ("seed 0", "TensorFlow 2.", "Keras 3.", "Python 3.", "50 % noise", "batch 64"):
        assert words in page.text
    for network in TREE:
        assert network.name in page.text
        assert full_label(network.name) in page.text


def test_the_findings_name_every_claim_its_verdict_and_its_counts(page):
    for claim in (
        "The second network refines the first",
        "Two networks in a row beat one network with the same total training",
        "Renoising the parent's prediction at evaluation hurts",
        "Accuracy rises while the unequal pixels differ more",
    ):
        assert re.search(re.escape(claim) + " (held in part|held|did not hold) ", page.text), claim
    assert len(re.findall(r"better in \d+, worse in \d+, unclear in \d+ of 36", page.text)) == 9
    cells = [title for title in page.all("td", "title") if title]
    assert len([title for title in cells if title.startswith("mixed: ")]) * len(TEST_SETS) == len(cells)
    assert all(re.search(r"95 % over images .*; (better|worse|unclear)$", title) for title in cells)
    assert not any("over trainings" in title for title in cells)  # of one repeat there is none


def test_the_findings_stand_beside_the_report_as_markdown(tiny_run):
    text = (tiny_run / "findings.md").read_text()
    assert text.startswith(caveat(1))
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.count("|") in (4, 5) for line in tables)
    assert text.count("**The second network refines the first: ") == 1


def test_the_score_table_is_that_of_the_scores_file(page, tiny_run):
    with open(tiny_run / "scores.csv", newline="") as file:
        rows = [
            row for row in csv.DictReader(file) if row["test_set"] in ("50%", "mixed") and row["renoised"] == "False"
        ]
    shown = [row for row in rows if (row["rounded"] == "True") == (row["measure"] == "pixel_accuracy")]
    assert len(shown) == 2 * 8 * (len(TREE) + 1)
    text = page.text.split("Scores", 2)[-1]
    for row in shown:
        measure = MEASURES[row["measure"]]
        value = measure.text(float(row["value"]))
        interval = f"{measure.text(float(row['low']))} to {measure.text(float(row['high']))}" if row["low"] else ""
        assert f"{value} {interval}".strip() in text, row


@pytest.mark.process
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the PATH")
def test_the_report_opens_in_a_browser(source, tmp_path):
    report = tmp_path / "report.html"
    report.write_text(source.replace("</body>", COUNT_IMAGES), encoding="utf-8")
    picture = tmp_path / "report.png"
    dom = chromium(report, tmp_path / "profile", "--dump-dom")
    widths = [int(width) for width in re.search(r'data-widths="([\d ]+)"', dom)[1].split()]
    assert len(widths) == 12
    assert min(widths) > 100  # all decoded
    assert int(re.search(r'data-height="(\d+)"', dom)[1]) > 3000
    opened = Page(dom)
    assert "The second network refines the first" in opened.text
    assert "tiny.npz: 120 training and 24 test digits." in opened.text
    chromium(report, tmp_path / "profile", f"--screenshot={picture}", "--window-size=1200,6000")
    pixels = matplotlib.image.imread(picture)[..., :3]
    assert pixels.shape[:2] == (6000, 1200)
    for part in np.array_split(pixels, 6):
        assert part.std() > 0.02  # written from top to bottom
