import numpy as np
import pytest

from evaluation.measures import DIGITS, MEASURES, MINUS, PHOTOGRAPHS


def test_every_measure_is_known_by_its_own_name():
    assert all(measure.name == name for name, measure in MEASURES.items())
    assert set(DIGITS) | set(PHOTOGRAPHS) | {"unequal_pixels"} == set(MEASURES)
    assert len({measure.title for measure in MEASURES.values()}) == len(MEASURES)


@pytest.mark.parametrize(
    ("name", "values", "best"),
    [
        ("mse", [0.2, 0.1, 0.3], 1),
        ("psnr", [20, 30, 25], 1),
        ("high_frequency_ratio", [0.5, 1.2, 1.6], 1),
        ("psnr", [float("nan"), 30, 25], 1),
        ("mse", [float("nan"), 30, 25], 2),
    ],
)
def test_the_best_value_is_the_one_that_the_measure_asks_for(name, values, best):
    assert MEASURES[name].best(values) == best


def test_a_ratio_is_compared_by_its_distance_from_1():
    ratio = MEASURES["high_frequency_ratio"]
    np.testing.assert_allclose(ratio.comparable([0.4, 1.6]), [0.6, 0.6])
    assert (ratio.sign, ratio.difference_title) == (-1, "High-frequency energy ratio: distance from 1")
    np.testing.assert_array_equal(MEASURES["psnr"].comparable([0.4, 1.6]), [0.4, 1.6])
    assert MEASURES["psnr"].difference_title == "PSNR (dB)"


def test_numbers_have_the_decimals_of_their_measure_and_a_true_minus():
    psnr = MEASURES["psnr"]
    assert (psnr.text(20.126), psnr.signed(-0.5), psnr.signed(0.5)) == ("20.13", f"{MINUS}0.50", "+0.50")
    assert psnr.interval(1.0, 2.0) == "1.00 to 2.00"
    assert psnr.interval(-1.0, 2.0, signed=True) == f"{MINUS}1.00 to +2.00"
    assert (psnr.text(None), psnr.interval(None, None)) == ("", "")
    assert [MEASURES[name].heading for name in ("mse", "psnr")] == ["Mean squared error ↓", "PSNR (dB) ↑"]
