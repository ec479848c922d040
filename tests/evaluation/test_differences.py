import numpy as np
import pytest
from scipy import stats

from evaluation.differences import (
    LEAST_PHOTOGRAPHS,
    Difference,
    caveat,
    digit_difference,
    mean_interval,
    photograph_difference,
    training_interval,
)

DRAWN = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "exponential": lambda rng, shape: rng.exponential(size=shape) - 1,
    "lognormal": lambda rng, shape: rng.lognormal(0, 1, shape) - np.exp(0.5),
    "downwards": lambda rng, shape: 2 - rng.gamma(2, size=shape),
    "long tails": lambda rng, shape: rng.standard_t(3, shape),
}


@pytest.mark.parametrize("photographs", [10, 20])
@pytest.mark.parametrize("kind", DRAWN)
def test_of_null_cases_one_in_twenty_is_called_clear(kind, photographs):
    """Differences of mean zero, few of them, symmetric or not: 3 to 7 % of 2,000 cases are clear."""
    cases = DRAWN[kind](np.random.default_rng(photographs), (2000, 1, photographs))
    clear = [photograph_difference(case, np.zeros_like(case), sign=1).verdict != "unclear" for case in cases]
    assert 0.03 <= np.mean(clear) <= 0.07


@pytest.mark.parametrize("photographs", [10, 20])
@pytest.mark.parametrize("kind", ["exponential", "lognormal", "downwards"])
def test_the_interval_of_few_skewed_values_holds_their_mean_where_a_percentile_interval_misses_it(kind, photographs):
    rng = np.random.default_rng(100 + photographs)
    cases = 5 + DRAWN[kind](rng, (1500, photographs))
    ours = np.array([mean_interval(case) for case in cases])
    drawn = np.take_along_axis(cases[:, None], rng.integers(0, photographs, (1500, 400, photographs)), axis=2)
    percentile = np.quantile(drawn.mean(axis=2), [0.025, 0.975], axis=1).T
    covered, missed = (np.mean((ends[:, 0] <= 5) & (ends[:, 1] >= 5)) for ends in (ours, percentile))
    assert 0.925 <= covered <= 0.97
    assert missed < 0.935
    assert covered > missed + 0.015


@pytest.mark.parametrize("repeats", [2, 3, 5])
@pytest.mark.parametrize("spread", [0.0, 0.2, 2.0])
def test_trainings_that_differ_by_chance_are_called_clear_no_more_often(repeats, spread):
    """Chance of photographs of a standard error of 0.22, beside none, as much, or tenfold chance of trainings."""
    rng = np.random.default_rng(repeats)
    cases = rng.normal(size=(1500, 1, 20)) + 0.1 * rng.normal(size=(1500, repeats, 20))
    cases += spread * rng.normal(size=(1500, repeats, 1))
    clear = [photograph_difference(case, np.zeros_like(case), sign=1).verdict != "unclear" for case in cases]
    assert np.mean(clear) <= 0.07
    if spread == 2:
        agree = np.abs(np.sign(cases.mean(axis=2)).sum(axis=1)) == repeats
        assert np.mean(agree) == pytest.approx(0.5 ** (repeats - 1), abs=0.04)  # what their agreement alone would say


def test_a_difference_that_is_there_is_found_over_three_trainings():
    rng = np.random.default_rng(1)
    cases = 1 + 0.5 * rng.normal(size=(200, 1, 20)) + 0.1 * rng.normal(size=(200, 3, 1))
    verdicts = [photograph_difference(case, np.zeros_like(case), sign=1).verdict for case in cases]
    assert verdicts.count("better") > 190


def test_a_difference_that_is_there_is_found():
    cases = np.random.default_rng(0).normal(1.0, 1.0, (200, 1, 20))
    verdicts = [photograph_difference(case, np.zeros_like(case), sign=-1).verdict for case in cases]
    assert verdicts.count("worse") > 190
    assert "better" not in verdicts


@pytest.mark.parametrize(("photographs", "verdict"), [(9, "unclear"), (10, "worse")])
def test_fewer_than_ten_photographs_support_no_verdict(photographs, verdict):
    assert LEAST_PHOTOGRAPHS == 10
    assert photograph_difference(np.ones((1, photographs)), np.zeros((1, photographs)), sign=-1).verdict == verdict


def test_the_interval_of_symmetric_values_is_that_of_student():
    values = np.array([-3.0, -1.0, -0.5, 0.5, 1.0, 3.0]) + 7
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert mean_interval(values) == pytest.approx((expected.low, expected.high))


def test_the_interval_reaches_further_to_the_side_of_the_long_tail():
    values = np.random.default_rng(1).exponential(size=15)
    student = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    low, high = mean_interval(values)
    assert low == pytest.approx(student.low)
    assert high > student.high + 0.1 * (student.high - student.low)
    assert mean_interval(-values) == pytest.approx((-high, -low))
    assert mean_interval(5 + 3 * values) == pytest.approx((5 + 3 * low, 5 + 3 * high))


def test_values_that_are_alike_have_an_interval_without_width_and_one_value_has_none():
    assert mean_interval([0.1] * 12) == pytest.approx((0.1, 0.1))
    assert mean_interval([0.25]) == (None, None)
    low, high = mean_interval([1.0, 2.0])
    assert low < 1 < 2 < high
    assert photograph_difference([[1.0]], [[0.0]], sign=1).verdict == "unclear"


def test_differences_are_paired_by_photograph_and_averaged_over_repeats():
    rng = np.random.default_rng(3)
    hard = 100 * rng.random(12)  # what is hard about a photograph is hard for both
    own = rng.normal(0.5, 0.1, (3, 12))
    found = photograph_difference(hard + own, hard[None], sign=1)
    assert found.value == pytest.approx(own.mean())
    assert found.base == pytest.approx(hard.mean())
    assert (found.low, found.high) == pytest.approx(mean_interval(own.mean(axis=0)))
    assert (found.training_low, found.training_high) == pytest.approx(training_interval(own.mean(axis=1)))
    assert found.verdict == "better"


def test_what_is_not_a_number_is_unclear():
    values = np.r_[np.ones(11), np.nan]
    assert photograph_difference(values[None], np.zeros((1, 12)), sign=1).verdict == "unclear"


def test_digits_keep_the_draws_that_they_share():
    replicates = np.random.default_rng(0).normal(size=(2, 1000))
    found = digit_difference([0.3, 0.5], [0.1, 0.1], replicates + 0.3, replicates, sign=1)
    assert (found.value, found.base) == pytest.approx((0.3, 0.1))
    assert (found.low, found.high) == pytest.approx((0.3, 0.3))
    assert (found.training_low, found.training_high) == pytest.approx(training_interval([0.2, 0.4]))


@pytest.mark.parametrize(
    ("ends", "sign", "verdict"),
    [
        ((0.1, 0.2, 0.1, 0.2), 1, "better"),
        ((0.1, 0.2, 0.1, 0.2), -1, "worse"),
        ((-0.2, -0.1, -0.2, -0.1), -1, "better"),
        ((-0.2, -0.1, -0.2, -0.1), 1, "worse"),
        ((-0.1, 0.2, 0.1, 0.2), 1, "unclear"),  # images disagree
        ((0.1, 0.2, -0.1, 0.2), 1, "unclear"),  # trainings disagree
        ((0.1, 0.2, None, None), 1, "better"),  # of these very networks
        ((0.1, 0.2, 0.1, float("nan")), 1, "unclear"),
        ((float("nan"), 0.2, 0.1, 0.2), 1, "unclear"),
        ((0.0, 0.0, 0.0, 0.0), 1, "unclear"),
    ],
)
def test_a_verdict_needs_images_and_trainings_to_agree(ends, sign, verdict):
    assert Difference(0.0, 1.0, *ends, sign).verdict == verdict


def test_a_difference_from_nothing_has_no_percentage():
    assert np.isnan(Difference(0.1, 0.0, 0, 0, 0, 0, 1).percent)


def test_one_repeat_cannot_support_a_claim_about_training():
    assert "cannot support a claim about training" in caveat(1)
    assert "use --repeats 3 or more" in caveat(1)
    assert "rests on 2 of them" in caveat(2)
    assert "use --repeats 3 or more" in caveat(2)
    assert "cannot" not in caveat(3)
    assert caveat(3).startswith("3 repeats")


@pytest.mark.parametrize("repeats", [2, 3, 5])
def test_the_interval_over_trainings_is_that_of_student(repeats):
    values = np.random.default_rng(repeats).exponential(size=repeats)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert training_interval(values) == pytest.approx(tuple(expected))
    assert training_interval(values[:1]) == (None, None)
