import matplotlib
import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as npst

from tf_denoise.explain import overlay_heatmap, threshold_heatmap


def test_values_outside_the_thresholds_become_zero_and_the_others_are_stretched():
    """The rendition of the post's own lines."""
    heat = np.random.default_rng(0).uniform(size=(20, 30)).astype("float32")
    kept = np.where((heat >= 0.4) & (heat <= 0.9), heat, 0)
    mask = kept > 0
    expected = np.zeros_like(heat)
    expected[mask] = (kept[mask] - kept[mask].min()) / (kept[mask].max() - kept[mask].min())
    np.testing.assert_allclose(threshold_heatmap(heat), expected, atol=1e-6)


@given(npst.arrays("float32", (3, 4, 5), elements=st.floats(0, 1, width=32)))
def test_a_thresholded_map_lies_in_0_to_1_and_each_map_is_on_its_own(heat):
    found = threshold_heatmap(heat)
    assert np.all((found >= 0) & (found <= 1))
    np.testing.assert_array_equal(found[1], threshold_heatmap(heat[1]))


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_a_map_without_contrast_is_zero(value):
    np.testing.assert_array_equal(threshold_heatmap(np.full((3, 3), value)), 0)


@pytest.mark.parametrize("thresholds", [(0.9, 0.4), (-0.1, 0.5), (0.5, 1.1)])
def test_thresholds_in_the_wrong_order_are_refused(thresholds):
    with pytest.raises(ValueError, match=r"0 <= low < high <= 1; received"):
        threshold_heatmap(np.zeros((2, 2)), *thresholds)


def test_an_overlay_mixes_the_picture_with_the_colours_of_jet():
    heat = np.linspace(0, 1, 256, dtype="float32")[None]
    image = np.full((1, 256, 3), 0.5)
    jet = matplotlib.colormaps["jet"](np.arange(256))[:, :3]
    expected = 0.25 + 0.5 * jet
    assert np.abs(overlay_heatmap(image, heat)[0] / 255 - expected / expected.max()).max() < 0.1
    np.testing.assert_array_equal(overlay_heatmap(image * heat[..., None], heat, weight=1.0)[0, ::255, 0], [0, 255])
    np.testing.assert_array_equal(overlay_heatmap(np.zeros((1, 256, 3)), heat, weight=1.0), 0)


def test_an_overlay_of_other_sizes_is_refused():
    with pytest.raises(ValueError, match=r"received \(4, 4, 3\) and \(4, 5\)"):
        overlay_heatmap(np.zeros((4, 4, 3)), np.zeros((4, 5)))
    with pytest.raises(ValueError, match=r"`weight` lies in 0..1; received 2"):
        overlay_heatmap(np.zeros((4, 4, 3)), np.zeros((4, 4)), weight=2)
    with pytest.raises(ValueError, match="received NaN or infinite values"):
        overlay_heatmap(np.zeros((4, 4, 3)), np.full((4, 4), np.nan))
