"""A changed set of photographs, in words."""

import pytest

from tf_denoise.data.changes import changes_in_words
from tf_denoise.errors import InputError
from tf_denoise.runs.writing import write_json

BEFORE = {"train": ["a", "b"], "validation": ["c"], "test": ["d"], "skipped": [["e", "is damaged"]]}


@pytest.mark.parametrize(
    ("after", "words"),
    [
        ({**BEFORE, "train": ["a", "b", "z"]}, "the photograph z came in"),
        ({**BEFORE, "train": ["a"]}, "the photograph b was taken out"),
        (
            {**BEFORE, "train": [], "test": ["y"]},
            "the photograph y came in and 3 photographs were taken out, such as a",
        ),
        ({**BEFORE, "train": ["a", "e"], "skipped": []}, "the photograph b was taken out"),
        (BEFORE, "photographs of the same names have another content, or are dealt to other parts"),
    ],
)
def test_what_came_in_and_what_was_taken_out_is_named(after, words, tmp_path):
    write_json(tmp_path / "data.json", BEFORE)
    assert changes_in_words(tmp_path / "data.json", after) == words


def test_a_run_without_a_record_says_less(tmp_path):
    assert changes_in_words(tmp_path / "data.json", BEFORE) == "its photographs have changed"


@pytest.mark.parametrize(
    "text", ["[]", "7", '{"train": null}', '{"train": [1]}', '{"skipped": [1]}', '{"skipped": {}}']
)
def test_a_damaged_record_is_a_sentence(tmp_path, text):
    (tmp_path / "data.json").write_text(text)
    with pytest.raises(InputError, match=r"data\.json is damaged: expected the names of the photographs"):
        changes_in_words(tmp_path / "data.json", {"train": [], "validation": [], "test": [], "skipped": []})
