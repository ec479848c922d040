import dataclasses

import numpy as np
import pytest

from evaluation.bootstrap import Bootstrap, interval
from evaluation.digits.claims import HELD, NOT_HELD, check_claims, compare, verdict_of
from evaluation.digits.scoring import Denoiser, DigitTable, Score
from evaluation.digits.test_sets import TEST_SETS

IMAGES = 60
BOOTSTRAP = Bootstrap(IMAGES, replicates=300)
SHARED = np.random.default_rng(0).normal(0, 0.05, IMAGES)  # what is hard about an image is hard for every network
BASE = {"mse": 0.3, "ssim": 0.6, "classifier_accuracy": 0.7, "pixel_accuracy": 0.5, "mae": 0.2}
BETTER = {"mse": -0.1, "ssim": 0.1, "classifier_accuracy": 0.1}
WORSE = {measure: -change for measure, change in BETTER.items()}
NAMES = ("one_level", "one_level/25", "one_level/control")
TREE = [Denoiser("one_level", None, None, abs), Denoiser("one_level/25", "one_level", "25", abs)]
CONTROLS = {"one_level/25": "one_level/control"}


def table(change, repeats=1, names=NAMES):
    """Scores that are `BASE` plus what `change(repeat, network, renoised, test_set)` says of a measure."""
    rows = []
    for repeat in range(1, repeats + 1):
        for network in names:
            for renoised in (False, True):
                for test_set in TEST_SETS:
                    changes = change(repeat, network, renoised, test_set) or {}
                    for measure, base in BASE.items():
                        values = base + SHARED + changes.get(measure, 0)
                        rounded = measure in ("pixel_accuracy", "mae")
                        place = (repeat, network, renoised, test_set, measure, rounded)
                        rows.append(Score(*place, values.mean(), replicates=BOOTSTRAP.means(values)))
    return DigitTable(rows)


def of_child(changes):
    return lambda repeat, network, renoised, test_set: changes if network == "one_level/25" else None


def claims(table, renoised=False, tree=TREE):
    return check_claims(table, tree, CONTROLS, renoised)


def verdicts(finding):
    return {verdict for contrast in finding.contrasts for verdict in contrast.verdicts}


@pytest.mark.parametrize(
    ("changes", "verdict", "found"),
    [(BETTER, "held", "better"), (WORSE, "did not hold", "worse")],
    ids=["better", "worse"],
)
def test_a_child_that_is_better_everywhere_refines_and_one_that_is_worse_does_not(changes, verdict, found):
    refines, beats, _ = claims(table(of_child(changes)))
    for finding, against in ((refines, "one_level"), (beats, "one_level/control")):
        assert finding.verdict == verdict
        assert verdicts(finding) == {found}
        assert {(c.network, c.against) for c in finding.contrasts} == {("one_level/25", against)}
        assert [c.measure for c in finding.contrasts] == ["mse", "ssim", "classifier_accuracy"]
        counts = {"better": 0, "worse": 0} | {found: 12}
        for sentence in finding.summary:
            assert f"better in {counts['better']}, worse in {counts['worse']}, unclear in 0 of 12" in sentence
            assert f"mostly {found} on original to 100%, mixed" in sentence


def test_a_difference_that_images_do_not_agree_on_is_unclear():
    mixed = np.random.default_rng(1).normal(0, 0.3, IMAGES)
    finding = claims(table(of_child(dict.fromkeys(BETTER, mixed - mixed.mean()))))[0]
    assert verdicts(finding) == {"unclear"}
    assert finding.verdict == "did not hold"
    assert "unclear in 12 of 12" in finding.summary[0]
    assert "mostly" not in finding.summary[0]


def test_a_child_that_is_better_in_strong_noise_alone_refines_in_part():
    strong = TEST_SETS[7:11]
    finding = claims(table(lambda r, network, a, t: (BETTER if t in strong else WORSE) if "25" in network else None))[0]
    assert finding.verdict == "held in part"
    assert "better in 4, worse in 8, unclear in 0 of 12" in finding.summary[1]
    assert "mostly better on 70% to 100%; mostly worse on original to 60%, mixed" in finding.summary[1]


def test_repeats_that_disagree_leave_a_difference_unclear():
    def change(repeat, network, renoised, test_set):
        return (WORSE if repeat == 2 else BETTER) if network == "one_level/25" else None

    scores = table(change, repeats=3)
    assert verdicts(claims(scores)[0]) == {"unclear"}
    difference = compare(scores, "one_level/25", "one_level", "ssim").differences["50%"]
    assert difference.value == pytest.approx(0.1 / 3)
    assert difference.training_low < 0 < 0.1 < difference.training_high
    assert (difference.low, difference.high) == pytest.approx((0.1 / 3, 0.1 / 3), abs=1e-6)
    assert verdicts(claims(table(of_child(BETTER), repeats=3))[0]) == {"better"}


def test_the_interval_of_a_difference_is_paired():
    own = np.random.default_rng(2).normal(0.02, 0.01, IMAGES)
    difference = compare(table(of_child({"mse": own})), "one_level/25", "one_level", "mse").differences["mixed"]
    assert difference.value == pytest.approx(own.mean())
    assert difference.base == pytest.approx(0.3 + SHARED.mean())
    assert difference.percent == pytest.approx(100 * own.mean() / (0.3 + SHARED.mean()))
    assert (difference.low, difference.high) == pytest.approx(interval(BOOTSTRAP.means(own)), abs=1e-6)
    assert difference.verdict == "worse"


@pytest.mark.parametrize(("changes", "verdict"), [(WORSE, "held"), (BETTER, "did not hold")], ids=["hurts", "helps"])
def test_renoising_at_evaluation_is_held_against_the_same_chain(changes, verdict):
    scores = table(lambda repeat, network, renoised, test_set: changes if renoised else None)
    finding = claims(scores, renoised=True)[2]
    assert finding.claim == "Renoising the parent's prediction at evaluation hurts"
    assert finding.verdict == verdict
    assert {(c.network, c.against) for c in finding.contrasts} == {("one_level/25", "one_level/25")}


def test_children_that_were_not_renoised_say_nothing_about_renoising():
    names = ("one_level", "one_level/0", "one_level/control")
    tree = [TREE[0], Denoiser("one_level/0", "one_level", "0", abs)]
    findings = check_claims(table(of_child({}), names=names), tree, {"one_level/0": "one_level/control"}, True)
    assert [finding.claim.split()[0] for finding in findings] == ["The", "Two", "Accuracy"]


@pytest.mark.parametrize(
    ("accuracy", "gap", "verdict", "counts"),
    [
        (0.1, 0.2, "held", (12, 12, 12)),
        (0.1, -0.2, "did not hold", (12, 0, 0)),
        (-0.1, 0.2, "did not hold", (0, 12, 0)),
    ],
)
def test_the_gap_is_the_mean_difference_of_the_pixels_that_are_not_equal(accuracy, gap, verdict, counts):
    """The base has half its pixels equal and a mean error of 0.2: the unequal ones differ by 0.4."""
    unequal = 0.5 - accuracy - SHARED.mean()
    error = (0.4 + gap) * unequal - (0.2 + SHARED.mean())
    finding = claims(table(of_child({"pixel_accuracy": accuracy, "mae": error})))[-1]
    by_measure = {c.measure: c.differences["50%"] for c in finding.contrasts}
    assert by_measure["pixel_accuracy"].value == pytest.approx(accuracy)
    base = (0.2 + SHARED.mean()) / (0.5 - SHARED.mean())
    assert by_measure["unequal_pixels"].base == pytest.approx(base)
    assert by_measure["unequal_pixels"].value == pytest.approx(0.4 + gap - base)
    assert finding.verdict == verdict
    assert [sentence.split(" of 12")[0].split()[-1] for sentence in finding.summary] == [str(n) for n in counts]


def test_no_gap_is_claimed_where_every_pixel_is_equal():
    scores = table(of_child({}))
    rows = [
        dataclasses.replace(
            row, value=1.0 if row.measure == "pixel_accuracy" else 0.0, replicates=row.replicates * 0 + 1
        )
        if row.test_set == "original" and row.measure in ("pixel_accuracy", "mae")
        else row
        for row in scores.rows
    ]
    finding = claims(DigitTable(rows))[-1]
    gap = next(c for c in finding.contrasts if c.measure == "unequal_pixels")
    assert gap.differences["original"].verdict == "unclear"
    assert np.isfinite(gap.differences["50%"].value)


def test_a_tree_without_children_has_no_findings():
    assert claims(table(of_child({}), names=("one_level",)), tree=TREE[:1]) == []


def test_a_claim_holds_in_part_between_two_shares_of_its_comparisons():
    assert 0 < NOT_HELD < 0.5 < HELD <= 1
    assert [verdict_of(share) for share in (1.0, HELD)] == ["held", "held"]
    assert [verdict_of(share) for share in (HELD - 0.01, NOT_HELD + 0.01)] == ["held in part", "held in part"]
    assert [verdict_of(share) for share in (NOT_HELD, 0.0)] == ["did not hold", "did not hold"]
