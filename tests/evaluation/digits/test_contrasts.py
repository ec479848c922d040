"""The evidence of the findings as a table."""

import csv
import io
import math

import pytest

from evaluation.differences import Difference
from evaluation.digits.claims import Contrast, Finding
from evaluation.digits.contrasts import contrast_csv, read_contrasts


def contrast(network, value, measure="mse", sign=-1):
    numbers = (value, 0.0114321987, value - 1e-5, value + 1e-5, value - 2e-6, value + 2e-6)
    return Contrast(network, "multi_level/control", measure, {t: Difference(*numbers, sign) for t in ("10%", "mixed")})


def finding(*contrasts):
    return Finding("It wins", "held", ("In all.",), contrasts)


def test_what_was_written_is_read_with_the_same_verdicts():
    found = [contrast("multi_level/both", -0.000123456789), contrast("multi_level/sos", 0.0002, "ssim", 1)]
    again = read_contrasts(contrast_csv([finding(*found)]))
    assert [(c.network, c.against, c.measure, c.verdicts) for c in again] == [
        ("multi_level/both", "multi_level/control", "mse", ["better", "better"]),
        ("multi_level/sos", "multi_level/control", "ssim", ["better", "better"]),
    ]
    assert again[0].differences["mixed"].value == -0.000123457
    assert again[0].differences["mixed"].base == 0.0114322


def test_a_contrast_of_two_findings_stands_there_once():
    found = contrast("multi_level/both", 0.1)
    assert contrast_csv([finding(found), finding(found)]) == contrast_csv([finding(found)])


def test_what_cannot_be_compared_stays_unclear():
    unequal = Contrast("a/25", "a", "unequal_pixels", {"original": Difference(*[math.nan] * 6, sign=1)})
    [again] = read_contrasts(contrast_csv([finding(unequal)]))
    assert again.verdicts == ["unclear"]


def test_a_run_without_contrasts_leaves_an_empty_table():
    assert read_contrasts(contrast_csv([])) == []
    assert list(csv.DictReader(io.StringIO(contrast_csv([])))) == []


def test_another_table_is_refused():
    with pytest.raises(ValueError, match="Expected a table of contrasts"):
        read_contrasts("network,value\na,1\n")
