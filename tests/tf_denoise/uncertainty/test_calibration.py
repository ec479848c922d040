"""Risk-controlling calibration, held against cases by hand and against its promise in simulations."""

import numpy as np
import pytest
from scipy.stats import beta

from tf_denoise.uncertainty.calibration import (
    SCALES,
    least_pictures,
    miscoverage_curve,
    needed_scales,
    risk_controlling_scale,
)


def test_the_scale_that_a_value_needs_is_its_distance_in_widths():
    residuals, below, above = [[0.3, -0.3], [0.0, 0.0]], [[0.1, 0.2], [0.0, 0.5]], [[0.2, 0.1], [0.0, 0.5]]
    np.testing.assert_allclose(needed_scales(residuals, below, above), [[1.5, 1.5], [0, 0]])
    assert needed_scales([0.1], [1.0], [0.0]).tolist() == [np.inf]


def test_a_curve_is_the_share_outside_counted_value_by_value():
    rng = np.random.default_rng(0)
    needed, scales = rng.gamma(2, 1, (13, 17)), np.array([0.1, 0.5, 1.0, 2.0, 9.0])
    expected = [sum(value > scale for value in needed.ravel()) / needed.size for scale in scales]
    np.testing.assert_allclose(miscoverage_curve(needed, scales), expected)
    assert miscoverage_curve([1.0, np.inf], [1.0]).tolist() == [0.5]  # on the end of an interval is within


def test_the_scale_of_a_case_by_hand():
    """Five pictures: (5 * risk + 0.5) / 6 <= 0.2 asks for a risk of 0.14 or less."""
    scales = [1.0, 2.0, 3.0, 4.0]
    curves = np.array([[0.9, 0.3, 0.2, 0.0], [0.4, 0.2, 0.1, 0.0], [0.2, 0.1, 0.1, 0.0], [0.3, 0.2, 0.2, 0.1], [0] * 4])
    risks = np.minimum(curves, 0.5).mean(axis=0)
    np.testing.assert_allclose(risks, [0.28, 0.16, 0.12, 0.02])
    assert risk_controlling_scale(curves, scales, miscoverage=0.2, worst=0.5) == 3.0
    assert risk_controlling_scale(curves, scales, miscoverage=0.2, worst=0.35) == 2.0  # (0.8 + 0.35) / 6 = 0.192
    assert risk_controlling_scale(curves, scales, miscoverage=0.2, worst=1.0) == 4.0  # (0.6 + 1) / 6 is too much


def test_a_picture_that_is_wrong_throughout_counts_as_the_worst_and_not_more():
    scales, rest = [1.0, 2.0], [[0.02, 0.0]] * 9
    wrong = np.array([[1.0, 1.0], *rest])
    assert risk_controlling_scale(wrong, scales, miscoverage=0.1, worst=0.5) == 2.0  # (10 * 0.05 + 0.5) / 11 = 0.091
    with pytest.raises(ValueError, match=r"No scale up to 2 is large enough: 10.0 % of the values still lie outside"):
        risk_controlling_scale(wrong, scales, miscoverage=0.1, worst=1.0)


@pytest.mark.parametrize("pictures", [5, 20, 36])
@pytest.mark.parametrize("spread", [0.0, 0.7])
def test_in_simulations_the_mean_miscoverage_is_bounded_and_not_far_below(pictures, spread):
    """Pictures whose errors are `spread` times wider or narrower; the next one is drawn as those were."""
    rng, scales = np.random.default_rng(pictures), np.geomspace(0.05, 40, 400)

    def curves(count):
        width = np.exp(rng.normal(0, spread, (count, 1)))
        return np.clip(1 - scales / (3 * width), 0, 1)  # errors evenly spread over 3 widths

    losses, plain = [], []
    for _ in range(3000):
        chosen = risk_controlling_scale(curves(pictures), scales)
        (further,) = curves(1)
        plain.append(further[np.searchsorted(scales, chosen)])
        losses.append(min(plain[-1], 0.5))
    error = np.std(losses) / np.sqrt(len(losses))
    assert np.mean(losses) <= 0.1 + 3 * error
    assert np.mean(losses) >= 0.1 - 2 * 0.5 / (pictures + 1) - 3 * error - 0.02  # 0.02: the steps of the scales
    assert np.mean(plain) <= 0.1 + 0.02


def test_a_smaller_worst_case_is_what_lets_few_pictures_do():
    rng = np.random.default_rng(0)
    needed = beta(2, 3).rvs((12, 500), random_state=rng)
    curves = [miscoverage_curve(one) for one in needed]
    scales = [risk_controlling_scale(curves, worst=worst) for worst in (0.2, 0.5, 1.0)]
    assert scales == sorted(scales)
    assert scales[0] < scales[-1]
    plain = SCALES[np.flatnonzero(np.mean(curves, axis=0) <= 0.1)[0]]
    assert scales[0] >= plain


def test_the_least_number_of_pictures_is_that_with_which_a_risk_of_zero_would_do():
    for allowed, worst in ((0.1, 0.5), (0.1, 1.0), (0.05, 0.5), (0.2, 0.3)):
        least = least_pictures(allowed, worst)
        assert risk_controlling_scale(np.zeros((least, 1)), [1.0], allowed, worst) == 1.0
        if least > 1:
            assert (0 + worst) / least > allowed  # with one fewer
            with pytest.raises(ValueError, match=f"Calibration takes {least} pictures or more; received {least - 1}"):
                risk_controlling_scale(np.zeros((least - 1, 1)), [1.0], allowed, worst)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"curves": np.zeros((5, 3))}, r"Curves are \(pictures, 2\), as many as scales; received \(5, 3\)"),
        ({"curves": np.zeros((0, 2))}, r"received \(0, 2\)"),
        ({"miscoverage": 0.0}, "`miscoverage` lies between 0 and 1, `worst` from it to 1; received 0.0 and 0.5"),
        ({"miscoverage": float("nan")}, "received nan and 0.5"),
        ({"worst": 0.05}, "received 0.1 and 0.05"),
        ({"worst": 1.5}, "received 0.1 and 1.5"),
    ],
)
def test_what_cannot_be_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        risk_controlling_scale(**{"curves": np.zeros((9, 2)), "scales": [1.0, 2.0], **options})
