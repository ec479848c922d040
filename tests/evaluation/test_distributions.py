import numpy as np
import pytest
import scipy.linalg

from evaluation.distributions import PixelStatistics, pixel_frechet_distance, tsne_embedding

RNG = np.random.default_rng(0)


def by_square_root(a, b):
    """The formula as written, by `scipy.linalg.sqrtm`."""
    covariances = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1])
    shift = np.sum((a.mean(0) - b.mean(0)) ** 2)
    return shift + np.trace(covariances[0]) + np.trace(covariances[1]) - 2 * np.trace(root).real


def correlated(images, pixels, seed):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(images, pixels)) @ rng.normal(size=(pixels, pixels)) + rng.normal(size=pixels)


@pytest.mark.parametrize(("images", "pixels"), [(200, 1 + 4), (300, 40), (60, 20)])
def test_the_distance_is_that_of_the_matrix_square_root(images, pixels):
    a, b = correlated(images, pixels, 1), correlated(images + 7, pixels, 2)
    assert pixel_frechet_distance(a, b) == pytest.approx(by_square_root(a, b), rel=1e-9)


def test_the_distance_holds_for_fewer_images_than_pixels():
    a, b = correlated(15, 40, 3), correlated(12, 40, 4)
    assert pixel_frechet_distance(a, b) == pytest.approx(by_square_root(a, b), rel=1e-4)


def test_gaussians_in_one_dimension_have_the_closed_form():
    a, b = RNG.normal(1, 2, (50, 1)), RNG.normal(-3, 0.5, (70, 1))
    closed = (a.mean() - b.mean()) ** 2 + (a.std(ddof=1) - b.std(ddof=1)) ** 2
    assert pixel_frechet_distance(a, b) == pytest.approx(closed, rel=1e-12)


def test_the_distance_is_symmetric_zero_for_itself_and_grows_by_a_shift():
    a, b = correlated(50, 12, 5), correlated(60, 12, 6)
    assert pixel_frechet_distance(a, b) == pytest.approx(pixel_frechet_distance(b, a), rel=1e-9)
    assert pixel_frechet_distance(a, a) == pytest.approx(0, abs=1e-8)
    assert pixel_frechet_distance(a, a[::-1] + 0.5) == pytest.approx(12 * 0.25, rel=1e-8)


def test_constant_images_have_a_distance_too():
    flat = np.full((5, 9), 0.25)
    assert pixel_frechet_distance(flat, flat) == pytest.approx(0, abs=1e-12)
    noisy = RNG.normal(size=(40, 9))
    expected = np.sum((noisy.mean(0) - 0.25) ** 2) + np.trace(np.cov(noisy, rowvar=False))
    assert pixel_frechet_distance(flat, noisy) == pytest.approx(expected, rel=1e-9)


def test_images_of_any_rank_and_type_are_flattened_and_taken_in_float64():
    a, b = (RNG.integers(0, 256, (30, 4, 3, 1)).astype("uint8") for _ in range(2))
    expected = by_square_root(a.reshape(30, 12).astype("float64"), b.reshape(30, 12).astype("float64"))
    assert pixel_frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)


def test_statistics_are_kept_for_many_distances():
    a, b, c = (correlated(40, 10, seed) for seed in (7, 8, 9))
    statistics = PixelStatistics.of(a)
    np.testing.assert_allclose(statistics.factor @ statistics.factor.T, np.cov(a, rowvar=False), atol=1e-8)
    assert [statistics.frechet_distance(x) for x in (b, c)] == [pixel_frechet_distance(a, x) for x in (b, c)]


@pytest.mark.parametrize(("a", "b"), [((1, 4), (5, 4)), ((5, 4), (5, 3))])
def test_sets_without_a_distance_are_refused(a, b):
    with pytest.raises(ValueError, match=rf"two or more images .* received {a[0]} images of {a[1]} and {b[0]} of"):
        pixel_frechet_distance(np.zeros(a), np.zeros(b))


def test_tsne_keeps_clusters_apart_and_repeats_itself():
    centres = np.repeat(RNG.normal(0, 20, (3, 30)), 12, axis=0)
    images = (centres + RNG.normal(size=centres.shape)).reshape(-1, 5, 6, 1)
    points = tsne_embedding(images, seed=3)
    assert points.shape == (36, 2)
    np.testing.assert_array_equal(points, tsne_embedding(images, seed=3))
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    np.testing.assert_array_equal(np.argmin(distances, 1) // 12, np.arange(36) // 12)


@pytest.mark.parametrize("count", [4, 7])
def test_tsne_takes_a_few_images(count):
    assert np.all(np.isfinite(tsne_embedding(RNG.random((count, 9)))))


def test_tsne_takes_images_that_are_all_alike():
    assert np.all(np.isfinite(tsne_embedding(np.full((12, 9), 0.5))))
