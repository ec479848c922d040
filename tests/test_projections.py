import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
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
    chosen = np.linspace(0, 59, 20).round().astype(int)
    expected = KernelPCA(1, kernel="sigmoid").fit(centred[chosen]).transform(centred)[:, 0]
    np.testing.assert_allclose(up_to_sign(kernel_projection(MAP), expected), expected, rtol=1e-6, atol=1e-8)


def test_blocks_do_not_change_the_result(monkeypatch):
    whole = principal_projection(MAP)
    blocks = projections._blocks
    monkeypatch.setattr(projections, "_blocks", lambda values: blocks(values, 7))
    np.testing.assert_allclose(principal_projection(MAP), whole, atol=1e-9)


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
    np.testing.assert_allclose(project(np.full((9, 4), 2.5)), 0, atol=1e-12)


@pytest.mark.parametrize("project", [principal_projection, kernel_projection])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_refused(project, bad):
    with pytest.raises(ValueError, match="The activations hold NaN or infinite values"):
        project(np.where(np.arange(12) == 3, bad, MAP))


def test_anything_but_a_matrix_is_refused():
    with pytest.raises(ValueError, match=r"a matrix \(positions, channels\); received shape \(3,\)"):
        principal_projection([1.0, 2.0, 3.0])
