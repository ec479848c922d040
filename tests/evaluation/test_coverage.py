"""Coverage of intervals: counted by hand, by level, brightness and contrast, with pictures as the unit."""

import json

import numpy as np
import pytest

from evaluation.coverage import coverage_table, local_contrast, measure_coverage
from evaluation.differences import mean_interval
from tf_denoise.data.noisy_pair import NoisyPair


class Constant:
    """Stands for intervals of one width."""

    def __init__(self, below, above=None):
        self.below, self.above = below, below if above is None else above

    def widths(self, noisy, denoised):
        return np.full_like(noisy, self.below), np.full_like(noisy, self.above)


def rows_of(found, by):
    return {row.group: row for row in found if row.by == by}


def pair(name, clean, level=None, offset=0.0):
    return NoisyPair(name, clean, clean + np.float32(offset), level)


def grey(value, side=20):
    return np.full((side, side, 1), value, "float32")


def identity(noisy):
    return noisy


def test_shares_are_formed_in_each_picture_and_averaged():
    """Of the first picture a quarter lies outside, of the second nothing, of the larger third everything."""
    first = grey(0.4)
    noisy = first.copy()
    noisy[:10, :10] += 0.2
    pictures = [
        NoisyPair("a", first, noisy, 10.0),
        pair("b", grey(0.4), 10.0),
        pair("c", grey(0.4, 40), 10.0, offset=0.2),
    ]
    found = measure_coverage(Constant(0.1), identity, pictures)
    whole = rows_of(found, "all")["all"]
    assert (whole.pictures, whole.coverage) == (3, pytest.approx((0.75 + 1 + 0) / 3))
    assert (whole.low, whole.high) == (0.0, 1.0)  # which the interval of three values goes beyond
    assert whole.half_width == pytest.approx(0.1)


def test_the_interval_is_that_of_a_mean_over_pictures():
    noisy = [grey(0.4) for _ in range(6)]
    shares = [0.5, 0.75, 0.8, 0.85, 0.9, 0.7]
    for image, share in zip(noisy, shares, strict=True):
        image[round(20 * share) :] += 0.2
    pictures = [NoisyPair(str(index), grey(0.4), image) for index, image in enumerate(noisy)]
    whole = measure_coverage(Constant(0.1), identity, pictures)[0]
    assert (whole.low, whole.high) == pytest.approx(mean_interval(shares))


def test_levels_of_one_picture_are_averaged_before_pictures_are():
    pictures = [pair("a", grey(0.4), 5.0), pair("a", grey(0.4), 50.0, 0.2), pair("b", grey(0.4), 5.0)]
    found = measure_coverage(Constant(0.1), identity, pictures)
    assert rows_of(found, "all")["all"].coverage == pytest.approx((0.5 + 1) / 2)
    levels = rows_of(found, "level")
    assert [(name, row.pictures, row.coverage) for name, row in levels.items()] == [("5", 2, 1.0), ("50", 1, 0.0)]
    assert (levels["50"].low, levels["50"].high) == (None, None)


def test_both_ends_count_and_lie_within():
    values = np.float32(0.5) + np.float32([0.0, 0.25, -0.125, 0.26, -0.13])  # exact in float32 but for the last two
    clean = np.repeat(values, 100).reshape(25, 20, 1)
    found = measure_coverage(
        Constant(0.125, 0.25),
        lambda noisy: grey(0.5, 20)[:1, :1].repeat(25, 0).repeat(20, 1),
        [NoisyPair("a", clean, clean)],
    )
    assert found[0].coverage == pytest.approx(3 / 5)
    assert rows_of(found, "level")["as trained"].coverage == pytest.approx(3 / 5)


def test_places_are_told_apart_by_the_denoised_picture():
    rng = np.random.default_rng(0)
    image = np.concatenate([grey(0.1, 60), grey(0.9, 60)], axis=1)
    image[:, 60:] += rng.normal(0, 0.03, (60, 60, 1))
    denoised = np.clip(image, 0, 1)
    clean = denoised.copy()
    clean[:, 60:] += 0.5  # wrong where it is light and has contrast
    found = measure_coverage(Constant(0.1), lambda noisy: denoised, [NoisyPair("a", clean, image)])
    brightness, contrast = rows_of(found, "brightness"), rows_of(found, "contrast")
    assert list(brightness) == ["0 to 0.25", "0.75 to 1"]
    assert brightness["0 to 0.25"].coverage == 1
    assert brightness["0.75 to 1"].coverage == 0
    assert contrast["0 to 2"].coverage == pytest.approx(1)
    assert contrast["5 to 15"].coverage < 0.1
    assert list(contrast) == sorted(contrast, key=lambda name: float(name.split()[0]))


def test_contrast_is_the_deviation_around_a_place():
    image = np.random.default_rng(0).random((30, 25, 3))
    found = local_contrast(image)
    for row, column in ((10, 12), (3, 3), (26, 21)):
        window = image[row - 3 : row + 4, column - 3 : column + 4].mean(axis=-1)
        assert found[row, column] == pytest.approx(window.std())


def test_rows_are_json_and_a_table():
    import dataclasses

    found = measure_coverage(Constant(0.1), identity, [pair(name, grey(0.4), 25.0) for name in "abc"])
    rows = json.loads(json.dumps([dataclasses.asdict(row) for row in found], allow_nan=False))
    assert rows[0]["by"] == "all"
    lines = coverage_table(found).splitlines()
    assert lines[2] == "| all | 3 | 100.0 | 100.0 to 100.0 | 25.50 |"
    assert lines[3].startswith("| level 25 | 3 |")


def test_nothing_to_measure_on_is_refused():
    with pytest.raises(ValueError, match="Coverage is measured on one picture or more; received none"):
        measure_coverage(Constant(0.1), identity, [])
