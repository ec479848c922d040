import tracemalloc

import numpy as np
import pytest
from hypothesis import given, strategies as st
from sklearn.decomposition import PCA, KernelPCA

import tf_denoise.explain.projections as projections
from tf_denoise.explain.projections import kernel_projection, principal_projection

MAP = np.random.default_rng(0).normal(size=(60, 12)) * np.linspace(3, 0.2, 12) + 1.0


def up_to_sign(found, expected):
    return found * np.sign(found @ expected)


def test_the_first_component_is_that_of_scikit_learn():
    expected = PCA(1).fit_transform(MAP)[:, 0]
    np.testing.assert_allclose(up_to_sign(principal_projection(MAP), expected), expected, rtol=1e-8, atol=1e-8)


def test_the_first_component_with_a_kernel_is_that_of_scikit_learn():
    centred = MAP - MAP.mean(axis=0)
    expected = KernelPCA(1, kernel="sigmoid").fit_transform(centred)[:, 0]
    np.testing.assert_allclose(up_to_sign(kernel_projection(MAP), expected), expected, rtol=1e-6, atol=1e-8)


def test_a_large_map_is_fitted_on_a_part_as_scikit_learn_projects_new_points(monkeypatch):
    monkeypatch.setattr(projections, "MOST_POSITIONS", 20)
    centred = MAP - MAP.mean(axis=0)
    chosen = sorted({int(60 * (i * (5**0.5 - 1) / 2 % 1)) for i in range(20)})
    assert len(chosen) == 20
    expected = KernelPCA(1, kernel="sigmoid").fit(centred[chosen]).transform(centred)[:, 0]
    np.testing.assert_allclose(up_to_sign(kernel_projection(MAP), expected), expected, rtol=1e-6, atol=1e-8)


def test_blocks_do_not_change_the_result(monkeypatch):
    whole = [project(MAP) for project in (principal_projection, kernel_projection)]
    monkeypatch.setattr(projections, "_BLOCK_VALUES", 7 * 12)
    for project, expected in zip((principal_projection, kernel_projection), whole, strict=True):
        np.testing.assert_allclose(project(MAP), expected, atol=1e-9)


def test_fewer_positions_than_channels_give_the_same_component():
    wide = np.random.default_rng(2).normal(size=(9, 30))
    expected = PCA(1, svd_solver="full").fit_transform(wide)[:, 0]
    np.testing.assert_allclose(up_to_sign(principal_projection(wide), expected), expected, rtol=1e-8, atol=1e-8)


@pytest.mark.slow
def test_a_map_of_a_million_positions_fits_in_two_gigabytes():
    activations = np.random.default_rng(0).random((1024 * 1024, 64), dtype="float32")
    tracemalloc.start()
    projection = principal_projection(activations)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert projection.shape == (1024 * 1024,)
    assert activations.nbytes + peak < 2e9 / 4


def test_the_positions_that_a_large_map_is_fitted_on_lie_all_over_it():
    rows, columns = np.divmod(projections._spread_out(1024 * 1024), 1024)
    counts = np.histogram2d(rows, columns, bins=8)[0]
    assert counts.sum() == 1024
    assert counts.min() >= 8
    assert counts.max() <= 24


@pytest.mark.parametrize("project", [principal_projection, kernel_projection])
def test_strong_activation_is_positive(project):
    strength = np.linspace(0, 1, 30)
    activations = strength[:, None] * np.array([3.0, -2.0, 1.0])
    for sign in (1, -1):
        assert np.corrcoef(project(sign * activations), strength)[0, 1] > 0.9


@pytest.mark.parametrize("project", [principal_projection, kernel_projection])
@given(order=st.permutations(range(12)))
def test_the_order_of_the_channels_does_not_matter(project, order):
    np.testing.assert_allclose(project(MAP[:, list(order)]), project(MAP), atol=1e-7)


@pytest.mark.parametrize("project", [principal_projection, kernel_projection])
def test_a_constant_map_has_a_projection_of_zero(project):
    np.testing.assert_array_equal(project(np.full((9, 4), 2.5)), 0)


@pytest.mark.parametrize("project", [principal_projection, kernel_projection])
def test_what_varies_by_rounding_alone_is_constant(project):
    rounded = np.float32(2.5) + np.float32(2.4e-7) * np.random.default_rng(0).integers(0, 3, (9, 4))
    assert np.ptp(rounded) > 0
    np.testing.assert_array_equal(project(rounded.astype("float32")), 0)


@pytest.mark.parametrize("project", [principal_projection, kernel_projection])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_refused(project, bad):
    with pytest.raises(ValueError, match="The activations hold NaN or infinite values"):
        project(np.where(np.arange(12) == 3, bad, MAP))


def test_anything_but_a_matrix_is_refused():
    with pytest.raises(ValueError, match=r"a matrix \(positions, channels\); received shape \(3,\)"):
        principal_projection([1.0, 2.0, 3.0])
