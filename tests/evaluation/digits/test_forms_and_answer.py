"""The verdict on every form of the second stage, and the answer that a report begins with."""

import numpy as np
import pytest

from evaluation.bootstrap import Bootstrap
from evaluation.digits.answer import answer
from evaluation.digits.forms import check_forms
from evaluation.digits.names import form_words, label, short_label
from evaluation.digits.rivals import rivals_of
from evaluation.digits.scoring import DigitTable, Score
from evaluation.digits.test_sets import TEST_SETS

BOOTSTRAP = Bootstrap(50, replicates=200)
SHARED = np.random.default_rng(0).normal(0, 0.05, 50)
MEASURES = {"mse": -1, "ssim": 1, "classifier_accuracy": 1}
"""By measure, the sign of what is better."""


def network(name, role="child", parent="multi_level", form="both", total=2, trainings=1, renoise="0"):
    stored = {"name": f"multi_level/{name}", "role": role, "parent": parent, "form": form, "trainings": trainings}
    return stored | {"total_trainings": total, "renoise": renoise}


def control(name, trainings):
    return network(name, "control", None, None, trainings, trainings, None)


PARENT = {"name": "multi_level", "role": "parent", "parent": None, "form": None, "trainings": 1, "total_trainings": 1}
CHILD = network("25", form=None, renoise="25")
TREE = [
    PARENT, CHILD, network("both"), network("both-together", "stages", None, total=3), network("twice", "stages", None),
    control("control", 2), control("control_wide", 2), control("control_x3", 3), control("control_x3_wide", 3),
]  # fmt: skip


def table(good, repeats=1, members=TREE):
    """Scores of a base; `good(network, test_set)` says by how much a network is better there, in every measure."""
    rows = []
    for repeat in range(1, repeats + 1):
        for member in members:
            for test_set in TEST_SETS:
                for measure, sign in MEASURES.items():
                    values = 0.5 + SHARED + sign * good(member["name"].removeprefix("multi_level/"), test_set)
                    place = (repeat, member["name"], False, test_set, measure, False)
                    rows.append(Score(*place, values.mean(), replicates=BOOTSTRAP.means(values)))
    return DigitTable(rows)


def better(members=TREE, **networks):
    """Some networks better by so much everywhere."""
    return table(lambda name, test_set: networks.get(name.replace("-", "_"), 0), members=members)


def test_each_form_is_held_against_the_controls_of_its_whole_training():
    rivals = {n["name"].split("/")[1]: rivals_of(n, TREE) for n in TREE[1:5]}
    assert {name: [other.split("/")[1] for other in others] for name, others in rivals.items()} == {
        "25": ["control"],
        "both": ["control", "control_wide"],
        "both-together": ["control_x3", "control_x3_wide"],
        "twice": ["control", "control_wide"],
    }


def test_a_form_that_beats_all_of_its_controls_wins():
    findings = {f.contrasts[0].network.split("/")[1]: f for f in check_forms(better(both=0.1), TREE)}
    assert list(findings) == ["both", "both-together", "twice"]
    assert findings["both"].claim.startswith("Sees both: it beats one network of equal training")
    assert findings["both"].verdict == "held"
    assert findings["twice"].verdict == findings["both-together"].verdict == "did not hold"
    first = findings["both"].summary[0]
    assert first.startswith(
        "Against its parent: Mean squared error better in 12, worse in 0, unclear in 0 of 12; mostly"
    )
    assert [sentence.split(":")[0] for sentence in findings["both"].summary] == [
        "Against its parent", "Against the control", "Against the wider control",
        "Better than all of its controls at once",
    ]  # fmt: skip
    assert findings["both"].summary[-1].count("on original to 100%, mixed") == 3
    assert findings["twice"].summary[-1].count("nowhere") == 3
    pairs = {(c.network, c.against) for c in findings["both-together"].contrasts}
    assert pairs == {
        ("multi_level/both-together", f"multi_level{other}") for other in ("", "/control_x3", "/control_x3_wide")
    }


def test_where_one_control_is_as_good_a_form_does_not_win_at_once():
    strong = ("80%", "90%")
    scores = table(lambda name, t: 0.1 if name == "both" or (name == "control_wide" and t not in strong) else 0)
    finding = check_forms(scores, TREE)[0]
    assert finding.verdict == "held in part"
    assert finding.summary[-1].count("on 80% to 90%") == 3


LOWER = "has a lower mean squared error than one network of equal training"


@pytest.mark.parametrize(
    ("networks", "sentence"),
    [
        ({}, "No: none of 4 second networks beats one network of equal training in mean squared error, at any noise "
             "level."),
        ({"both": 0.1}, f'Yes: "sees both" below the multi-level parent {LOWER}, and than a wider one of no fewer '
                        "multiply-adds, at every noise level."),
        ({"both": 0.1, "control_wide": 0.2}, f'No: no second network beats all of its controls at any noise level; '
                                             f'"sees both" below the multi-level parent {LOWER} at every noise level.'),
        ({"25": 0.1}, f'Yes: "child 25" below the multi-level parent {LOWER} at every noise level.'),
    ],
)  # fmt: skip
def test_the_answer_says_whether_a_second_network_wins(networks, sentence):
    assert answer(better(**networks), TREE)[0] == sentence


def test_a_form_that_a_restarted_network_equals_wins_nowhere():
    restarted = control("control_restarted", 1) | {"total_trainings": 2}
    tree = [*TREE, restarted]
    assert rivals_of(TREE[2], tree) == [
        f"multi_level/{name}" for name in ("control", "control_wide", "control_restarted")
    ]
    scores = better(both=0.1, control_restarted=0.1, members=tree)
    finding = check_forms(scores, tree)[0]
    assert (
        finding.claim
        == "Sees both: it beats one network of equal training, and those that cost as much, and a restarted one"
    )
    assert finding.verdict == "held in part"
    assert finding.summary[-1].count("nowhere") == 3
    assert answer(scores, tree)[0].startswith("No: no second network beats all of its controls at any noise level; ")
    assert answer(better(both=0.1, members=tree), tree)[0].endswith(
        ", and than a wider one of no fewer multiply-adds and a restarted one, at every noise level."
    )


def test_the_answer_names_the_levels_where_it_wins():
    scores = table(lambda name, t: 0.1 if name == "twice" and t in ("90%", "100%") else 0)
    assert answer(scores, TREE)[0].endswith(", and than a wider one of no fewer multiply-adds, on 90% to 100%.")
    wide = table(lambda name, t: (0.1 if t != "90%" else 0.2) * (name in ("twice", "control_wide")) + 0.1 * (name == "twice" and t == "80%"))  # fmt: skip  # noqa: E501
    assert answer(wide, TREE)[0].endswith("training at every noise level, and than all of its controls on 80%.")


def test_a_second_network_with_one_control_does_not_outrank_a_form_that_wins_more_against_that_control():
    """The child beats the one control it has on five test sets, the form that same control everywhere."""

    def good(name, test_set):
        place = TEST_SETS.index(test_set)
        return {"25": 0.2 if place < 5 else 0, "both": 0.1, "control_wide": 0 if place < 4 else 0.3}.get(name, 0)

    assert '"sees both"' in answer(table(good), TREE)[0]


def test_a_form_that_wins_somewhere_outranks_one_that_wins_more_against_its_first_control_alone():
    def good(name, test_set):
        strong = test_set == "90%"
        return {"both": 0.1, "control_wide": 0.2, "twice": 0.3 * strong}.get(name, 0)

    assert answer(table(good), TREE)[0].startswith('In part: "one network twice"')


def test_the_answer_does_not_praise_a_second_network_that_makes_it_worse():
    scores = better(**{name: -0.1 for name in ("25", "both", "both_together", "twice")})
    assert "raises its parent's error there from" in answer(scores, TREE)[1]


def test_the_answer_says_what_the_best_chain_does_to_its_parents_error():
    second = answer(better(both=0.1), TREE)[1]
    base = 0.5 + SHARED.mean()
    brings = f"brings its parent's error there from {base:.5f} to {base - 0.1:.5f};"
    assert f'"sees both" below the multi-level parent, {brings}' in second
    assert second.endswith("; it is better than its parent at every noise level.")


def test_without_a_second_network_the_question_is_open():
    assert answer(better(), [PARENT])[0] == "No second network was trained, so the question is open."


def test_networks_are_called_by_what_they_are():
    assert [form_words(leaf) for leaf in ("continued-together", "correction", "twice-both", "mixed", "control")] == [
        "sees both, begins as parent, trained together", "correction", "one network twice, sees both", None, None,
    ]  # fmt: skip
    assert label("multi_level/control_x3_wide") == "wider control of 3 trainings"
    assert short_label("one_level/sos") == "one: SOS"
