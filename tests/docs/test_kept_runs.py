"""A run that was trained, from its folder to a page."""

import renew
from kept_tables import docs_with

from evaluation.digits.names import full_label
from evaluation.measures import MEASURES
from tf_denoise.runs.folder import read_json


def test_a_page_shows_the_scores_of_a_run_that_was_trained(tiny_run, tmp_path):
    markers = ["tiny scores measure=mse", "tiny claims", "tiny provenance"]
    docs = docs_with(tmp_path, *markers, page="iterative", tiny=tiny_run)
    assert renew.renew_pages([], docs) == 0
    text = (docs / "iterative.md").read_text()
    [row] = [
        row
        for row in read_json(tiny_run / "scores.json")
        if (row["network"], row["test_set"], row["measure"]) == ("multi_level/25", "original", "mse")
        and not row["rounded"]
        and not row["renoised"]
    ]
    assert f"| {full_label('multi_level/25')} | {MEASURES['mse'].text(row['value'])} |" in text
    assert "`python -m training.iterative --dataset tiny.npz --hidden-units 16 --epochs 2 --batch-size 64" in text
    kept = "".join(path.read_text() for path in (docs / "tables").iterdir())
    assert str(tiny_run.parent) not in kept
    assert read_json(docs / "tables" / "tiny.json")["command"] in text
