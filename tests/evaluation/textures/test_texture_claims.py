import numpy as np
import pytest

from evaluation.bootstrap import Bootstrap, interval
from evaluation.textures.baselines import BASELINES, Tuned
from evaluation.textures.scoring import MEASURES, PictureScore, TextureTable
from evaluation.textures.verdicts import (
    CHECKERBOARD_TOLERANCE,
    DISCOLORATION_TOLERANCE,
    SHARPNESS,
    best_baseline,
    caveats,
    compare,
    judge_losses,
    judge_networks,
    setbacks,
)

PICTURES = 20
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


def table(changes, repeats=1, num_pictures=PICTURES):
    """The MSE model, a loss that differs from it by `changes(repeat)`, and two classical methods."""
    rows = []
    for repeat in range(repeats + 1):
        for method in ("mse", "regional") if repeat else ("median", "gaussian_blur"):
            for measure, base in BASE.items():
                change = changes(repeat).get(measure, 0) if method == "regional" else 0
                values = base + SPREAD[measure] * HARD + change
                rows += [
                    PictureScore(repeat, method, str(index), measure, value)
                    for index, value in enumerate(values[:num_pictures])
                ]
    return TextureTable(rows)


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
    assert (difference.low, difference.high) == pytest.approx(interval(Bootstrap(PICTURES).means(own)))
    assert difference.base == pytest.approx(BASE["gmsd"] + SPREAD["gmsd"] * HARD.mean())


def test_photographs_that_disagree_leave_it_unclear():
    split = {measure: change * (np.arange(PICTURES) % 2 - 0.5) for measure, change in SHARP.items()}
    assert judge(split).verdict == "unclear"


def test_two_photographs_support_no_verdict():
    assert judge(SHARP | CHEAP, num_pictures=2).verdict == "unclear"
    assert judge(SHARP | CHEAP, num_pictures=3).verdict == "better"
    networks = judge_networks(table(lambda repeat: CHEAP, num_pictures=2), ["regional"], tuned())
    assert networks[0].verdict == "unclear"


def test_without_the_mse_model_no_loss_is_judged():
    scores = table(lambda repeat: SHARP)
    assert judge_losses(scores, ["regional"]) == []
    assert judge_losses(scores, ["mse"]) == []


def tuned(**errors):
    errors = {"gaussian_blur": 0.3, "median": 0.2} | errors
    return {name: Tuned(BASELINES[name], {}, error) for name, error in errors.items()}


@pytest.mark.parametrize(
    ("change", "verdict"), [(-0.0001, "beats it"), (0.0001, "loses to it"), (0.0, "unclear")], ids=str
)
def test_networks_are_held_against_the_best_classical_method_of_the_validation(change, verdict):
    found = judge_networks(table(lambda repeat: {"mse": change}, repeats=2), ["mse", "regional"], tuned())
    assert [(j.method, j.against) for j in found] == [("mse", "median"), ("regional", "median")]
    assert found[1].verdict == verdict
    assert best_baseline(tuned(median=0.4)) == "gaussian_blur"
    assert set(found[1].differences) <= set(MEASURES)


def test_caveats_say_what_repeats_and_photographs_allow():
    assert "cannot support a claim about training" in caveats(1, 20)[0]
    assert caveats(3, 20) == [
        "3 repeats, each all losses trained from another start and other crops, scored on the same noisy test "
        "photographs."
    ]
    assert "very few" in caveats(3, 5)[1]
    assert "too few for any verdict" in caveats(3, 2)[1]


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
