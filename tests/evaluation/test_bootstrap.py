import numpy as np
import pytest
import scipy.stats

from evaluation.bootstrap import Bootstrap, interval

RNG = np.random.default_rng(0)
SKEWED = RNG.exponential(size=300)


def test_the_interval_is_that_of_scipy():
    low, high = interval(Bootstrap(300, replicates=8000, seed=1).means(SKEWED))
    theirs = scipy.stats.bootstrap((SKEWED,), np.mean, n_resamples=8000, method="percentile", rng=2).confidence_interval
    width = theirs.high - theirs.low
    assert low == pytest.approx(theirs.low, abs=0.04 * width)
    assert high == pytest.approx(theirs.high, abs=0.04 * width)


def test_the_spread_of_the_means_is_the_standard_error():
    means = Bootstrap(300, replicates=8000, seed=3).means(SKEWED)
    assert means.std() == pytest.approx(SKEWED.std() / np.sqrt(300), rel=0.03)
    assert means.mean() == pytest.approx(SKEWED.mean(), abs=4 * means.std() / np.sqrt(8000))


def test_the_difference_of_two_series_is_their_paired_bootstrap():
    bootstrap, other = Bootstrap(300, seed=4), SKEWED + RNG.normal(0, 0.1, 300)
    np.testing.assert_allclose(
        bootstrap.means(SKEWED) - bootstrap.means(other), bootstrap.means(SKEWED - other), atol=1e-6
    )
    unpaired = bootstrap.means(SKEWED) - Bootstrap(300, seed=5).means(other)
    assert np.std(bootstrap.means(SKEWED - other)) < 0.2 * np.std(unpaired)


def test_a_resample_is_of_whole_images_with_replacement():
    one_hot = np.eye(20)
    counts = 20 * Bootstrap(20, replicates=4000, seed=6).means(one_hot)
    np.testing.assert_allclose(counts, np.round(counts), atol=1e-4)
    np.testing.assert_allclose(counts.sum(1), 20, atol=1e-3)
    drawn = np.bincount(np.round(counts).astype(int).ravel(), minlength=6)[:6] / counts.size
    np.testing.assert_allclose(drawn, scipy.stats.binom.pmf(np.arange(6), 20, 1 / 20), atol=0.006)


def test_columns_are_resampled_alike():
    bootstrap, columns = Bootstrap(50, replicates=100), RNG.normal(size=(50, 3))
    separate = [bootstrap.means(column) for column in columns.T]
    np.testing.assert_allclose(bootstrap.means(columns), np.stack(separate, 1), atol=1e-6)


def test_equal_seeds_draw_alike_and_unequal_ones_do_not():
    first, again, other = (Bootstrap(300, 200, seed).means(SKEWED) for seed in (7, 7, 8))
    np.testing.assert_array_equal(first, again)
    assert np.mean(first == other) < 0.05


def test_equal_values_have_an_interval_of_no_width_even_if_large():
    assert interval(Bootstrap(40).means(np.full(40, 1e8 + 0.25))) == (1e8 + 0.25, 1e8 + 0.25)


def test_the_interval_leaves_out_as_much_as_the_confidence_says():
    assert interval(np.arange(1001.0)) == pytest.approx((25, 975))
    assert interval(np.arange(1001.0), confidence=0.5) == pytest.approx((250, 750))
