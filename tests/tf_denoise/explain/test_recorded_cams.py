"""What benchmarks/record_cams.py recorded of pytorch-grad-cam, against ours."""

import numpy as np
import pytest
from helpers import ROOT

from tf_denoise.explain import overlay_heatmap
from tf_denoise.explain.projections import kernel_projection, principal_projection

RECORDED = np.load(ROOT / "tests" / "data" / "pytorch_grad_cam.npz")


def test_the_record_names_the_version_it_was_made_with():
    requirements = (ROOT / "benchmarks" / "requirements-cams.txt").read_text().splitlines()
    assert f"grad-cam=={RECORDED['version']}" in requirements


@pytest.mark.parametrize("name", ["tokens", "convolution"])
@pytest.mark.parametrize(("method", "project"), [("eigen", principal_projection), ("kpca", kernel_projection)])
def test_raw_projections_equal_those_of_pytorch_grad_cam_up_to_sign(name, method, project):
    activations, expected = RECORDED[name], RECORDED[f"{name}_{method}"].astype("float64").ravel()
    found = project(activations.reshape(-1, activations.shape[-1]))
    found *= np.sign(found @ expected)
    assert np.std(expected) > 0.01
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6 * np.abs(expected).max())


def test_overlays_equal_those_of_pytorch_grad_cam():
    found = overlay_heatmap(RECORDED["image"], RECORDED["heat"]).astype(int)
    assert np.abs(found - RECORDED["overlay"]).max() <= 1  # where rounding decides
    assert np.mean(found == RECORDED["overlay"]) > 0.99
