import dataclasses

import numpy as np
import pytest

from evaluation.differences import mean_interval
from evaluation.measures import PHOTOGRAPHS
from evaluation.textures.findings import headline
from evaluation.textures.scoring import PictureScore, PictureTable
from evaluation.textures.trainings import setbacks
from evaluation.textures.verdicts import (
    CHECKERBOARD_TOLERANCE,
    DISCOLORATION_TOLERANCE,
    SHARPNESS,
    caveats,
    compare,
    judge_losses,
    judge_networks,
)

PICTURES = 20
RIVALS = {None: "median"}
HARD = np.random.default_rng(0).random(PICTURES)  # what is hard about a picture is hard for every method
BASE = {
    "mse": 0.004, "psnr": 24.0, "ssim": 0.7, "gmsd": 0.1, "high_frequency_ratio": 0.4, "radial_spectrum_error": 5.0,
    "checkerboard": 1.0, "discoloration": 0.002,
}  # fmt: skip
SPREAD = {measure: 0.1 * base for measure, base in BASE.items()}
SHARP = {"gmsd": -0.02, "high_frequency_ratio": 0.2, "radial_spectrum_error": -1.0}
CHEAP, DEAR = {"mse": -0.0001}, {"mse": 0.0001}
BOARD = {"checkerboard": 2 * CHECKERBOARD_TOLERANCE}
TINT = {"discoloration": 2 * DISCOLORATION_TOLERANCE}


def table(changes, repeats=1, num_pictures=PICTURES, levels=(None,)):
    """The MSE model, a loss that differs from it by `changes(repeat)`, and two classical methods.

    With levels, `changes` is asked for (repeat, level).
    """
    rows = []
    for repeat in range(repeats + 1):
        for method in ("mse", "regional") if repeat else ("median", "gaussian_blur"):
            for level in levels:
                found = changes(repeat) if levels == (None,) else changes(repeat, level)
                for measure, base in BASE.items():
                    change = found.get(measure, 0) if method == "regional" else 0
                    values = base + SPREAD[measure] * HARD + change
                    rows += [
                        PictureScore(repeat, method, str(index), level, measure, value)
                        for index, value in enumerate(values[:num_pictures])
                    ]
    return PictureTable(rows)


def judge(changes, **options):
    (judgement,) = judge_losses(table(lambda repeat: changes, **options), ["mse", "regional"])
    return judgement


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        (SHARP | CHEAP, "better"),
        (SHARP, "better"),  # the same MSE is no greater
        (SHARP | DEAR, "sharper, but costs MSE"),
        (SHARP | CHEAP | BOARD, "sharper, but with a fault"),
        (SHARP | CHEAP | TINT, "sharper, but with a fault"),
        (SHARP | DEAR | BOARD, "sharper, but costs MSE"),
        ({measure: -change for measure, change in SHARP.items()}, "no sharper"),
        (CHEAP | {"gmsd": 0.02}, "no sharper"),
        (SHARP | {"gmsd": 0.02}, "unclear"),  # the measures disagree
        (SHARP | {"gmsd": 0.0}, "unclear"),
        (CHEAP, "unclear"),
    ],
)
def test_the_rule(changes, verdict):
    judgement = judge(changes)
    assert (judgement.method, judgement.against, judgement.verdict) == ("regional", "mse", verdict)


def test_faults_are_named_and_small_ones_are_none():
    assert "It brings a checkerboard and a discoloration." in judge(SHARP | BOARD | TINT).summary
    small = {measure: 0.4 * change for measure, change in (BOARD | TINT).items()}
    assert "No checkerboard or discoloration beyond what the rule allows." in judge(SHARP | small).summary
    assert judge(SHARP | small).differences["checkerboard"].verdict == "worse"
    assert judge(SHARP | small).verdict == "better"


def test_the_summary_gives_the_mse_in_percent():
    assert "MSE 2.4 % higher, clearly." in judge(DEAR).summary
    assert "MSE 2.4 % lower, clearly." in judge(CHEAP).summary
    by_chance = table(lambda repeat: {"mse": 1e-3 * (np.arange(PICTURES) % 2 - 0.49)})
    assert "which may be chance" in judge_losses(by_chance, ["mse", "regional"])[0].summary[1]


@pytest.mark.parametrize("change", [0.0, BASE["mse"] * 4e-4, BASE["mse"] * -4e-4])
def test_what_would_be_rounded_to_nothing_is_told_as_what_it_is(change):
    expected = {
        0: "MSE the same.",
        1: "MSE less than 0.05 % higher, clearly.",
        -1: "MSE less than 0.05 % lower, clearly.",
    }
    assert judge({"mse": change}).summary[1] == expected[np.sign(change)]


def test_networks_that_do_not_differ_get_no_verdict():
    alike = "No verdict on losses: the networks do not differ in any measure."
    assert headline([judge({})]) == alike
    assert headline([judge({"gmsd": 0.1})]) != alike


def test_a_ratio_above_1_is_as_bad_as_one_below():
    """From 0.4 (and up) to 1.6 (and up): beyond 1 as far as it was below, and farther."""
    assert judge({"high_frequency_ratio": 1.2}).differences["high_frequency_ratio"].verdict == "worse"
    assert judge({"high_frequency_ratio": 0.9}).differences["high_frequency_ratio"].verdict == "better"


@pytest.mark.parametrize("measure", ["mse", *SHARPNESS])
def test_every_repeat_has_to_agree(measure):
    changes = SHARP | {"mse": -0.0001}

    def one_against(repeat):
        return changes | {measure: -changes[measure] / 2} if repeat == 2 else changes

    scores = table(one_against, repeats=3)
    assert compare(scores, "regional", "mse", measure).verdict == "unclear"
    expected = "better" if measure == "mse" else "unclear"  # the MSE has to be no greater on average
    assert judge_losses(scores, ["mse", "regional"])[0].verdict == expected


def test_a_difference_is_paired_by_photograph():
    own = np.random.default_rng(1).normal(0.001, 0.002, PICTURES)
    difference = compare(table(lambda repeat: {"gmsd": own}), "regional", "mse", "gmsd")
    assert difference.value == pytest.approx(own.mean())
    assert (difference.low, difference.high) == pytest.approx(mean_interval(own))
    assert difference.base == pytest.approx(BASE["gmsd"] + SPREAD["gmsd"] * HARD.mean())


def test_photographs_that_disagree_leave_it_unclear():
    split = {measure: change * (np.arange(PICTURES) % 2 - 0.5) for measure, change in SHARP.items()}
    assert judge(split).verdict == "unclear"


@pytest.mark.parametrize("num_pictures", [1, 3, 9])
def test_fewer_than_ten_photographs_support_no_verdict(num_pictures):
    assert judge(SHARP | CHEAP, num_pictures=10).verdict == "better"
    assert judge(SHARP | CHEAP, num_pictures=num_pictures).verdict == "unclear"
    networks = judge_networks(table(lambda repeat: CHEAP, num_pictures=num_pictures), ["regional"], RIVALS)
    assert networks[0].verdict == "unclear"


def test_a_photograph_counts_once_however_many_levels_it_is_judged_at():
    """Its differences at all levels are averaged first: four photographs at three levels are four."""
    changes = SHARP | CHEAP
    scores = table(lambda repeat, level: changes, num_pictures=4, levels=(15, 25, 50))
    assert judge_losses(scores, ["mse", "regional"])[0].verdict == "unclear"
    own = {15: 0.002, 25: -0.004, 50: -0.001 * HARD}
    scores = table(lambda repeat, level: {"gmsd": own[level]}, levels=(15, 25, 50))
    found = compare(scores, "regional", "mse", "gmsd")
    mean = (0.002 - 0.004 - 0.001 * HARD) / 3
    assert found.value == pytest.approx(mean.mean())
    assert (found.low, found.high) == pytest.approx(mean_interval(mean))


def test_a_ratio_is_compared_by_its_distance_from_1_at_each_level():
    """As far above 1 at one level as below at the other: no gain, though the mean ratio would be perfect."""
    up = 1 - BASE["high_frequency_ratio"] - SPREAD["high_frequency_ratio"] * HARD
    scores = table(lambda repeat, level: {"high_frequency_ratio": level * up}, levels=(0.5, 1.5))
    assert compare(scores, "regional", "mse", "high_frequency_ratio").value == pytest.approx(-0.5 * up.mean())


def test_every_level_has_its_own_difference_of_the_mse():
    scores = table(lambda repeat, level: {"mse": 0.0001 * (level - 25)}, levels=(15, 25, 50))
    (judgement,) = judge_losses(scores, ["mse", "regional"])
    assert {level: found.verdict for level, found in judgement.by_level.items()} == {
        15: "better", 25: "unclear", 50: "worse",
    }  # fmt: skip
    assert judgement.by_level[50].value == pytest.approx(0.0025)


def test_a_network_meets_the_best_rival_of_each_level():
    rows = table(lambda repeat, level: {}, levels=(15, 50)).rows
    rows = [  # the median is the better one at 15, the blur at 50
        dataclasses.replace(row, value=row.value - 0.001)
        if (row.method, row.level) in (("median", 15), ("gaussian_blur", 50)) and row.measure == "mse"
        else row
        for row in rows
    ]
    scores, rivals = PictureTable(rows), {15: "median", 50: "gaussian_blur"}
    assert compare(scores, "mse", rivals, "mse").value == pytest.approx(0.001)
    assert compare(scores, "mse", "median", "mse").value == pytest.approx(0.0005)
    (judgement,) = judge_networks(scores, ["mse"], rivals)
    assert judgement.verdict == "loses to it"
    assert (
        judgement.against == "the best classical method of each level (median at sigma 15, Gaussian blur at sigma 50)"
    )


def test_without_the_mse_model_no_loss_is_judged():
    scores = table(lambda repeat: SHARP)
    assert judge_losses(scores, ["regional"]) == []
    assert judge_losses(scores, ["mse"]) == []


@pytest.mark.parametrize(
    ("change", "verdict"), [(-0.0001, "beats it"), (0.0001, "loses to it"), (0.0, "unclear")], ids=str
)
def test_networks_are_held_against_the_best_classical_method_of_the_validation(change, verdict):
    found = judge_networks(table(lambda repeat: {"mse": change}, repeats=2), ["mse", "regional"], RIVALS)
    assert [(j.method, j.against) for j in found] == [("mse", "median"), ("regional", "median")]
    assert found[1].verdict == verdict
    assert set(found[1].differences) <= set(PHOTOGRAPHS)


def test_caveats_say_what_repeats_and_photographs_allow():
    assert "cannot support a claim about training" in caveats(1, 20)[0]
    assert caveats(3, 20) == [
        "3 repeats, each all losses trained from another seed, scored on the same noisy test photographs."
    ]
    assert caveats(3, 9)[1] == "9 test photographs: a verdict takes 10 or more, so all are unclear."
    assert len(caveats(3, 10)) == 1


def test_a_training_that_fell_far_below_its_best_is_named():
    def record(*psnr):
        return {"steps": 200 * len(psnr), "history": {"val_psnr": list(psnr)}}

    steady, fallen = record(20.0, 29.0, 26.5, 30.0), record(28.0, 31.5, 9.0, 14.0, 12.0)
    assert setbacks({(1, "mse"): steady, (1, "wavelet"): {"steps": 1, "history": {}}}) == []
    (found,) = setbacks({(1, "mse"): steady, (1, "regional"): fallen})
    assert found.startswith("Regional loss: training fell from 31.5 to 9.0 dB of validation PSNR, and ended at 12.0; ")
    assert "of step 400 of 1,000." in found
    (found,) = setbacks({(1, "mse"): steady, (2, "mse"): fallen})
    assert found.startswith("MSE loss, repeat 2: ")
