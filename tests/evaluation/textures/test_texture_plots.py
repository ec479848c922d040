import itertools

import matplotlib.image
import numpy as np
import pytest
from texture_cases import pictures, record

from evaluation.figures import save_figure
from evaluation.table import INPUT
from evaluation.textures.baselines import BASELINES
from evaluation.textures.figures import (
    busiest_window,
    cost_scatter,
    crop_panels,
    method_style,
    pushed_apart,
    sweep_lines,
    texture_curves,
)
from evaluation.textures.run import method_title
from evaluation.textures.sweep import Sweep
from tf_denoise.data.noisy_pair import NoisyPair

LOSSES = ["mse", "regional", "frequency", "weighted_frequency", "windowed", "wavelet"]


def test_every_method_has_a_style_of_its_own():
    styles = [method_style(name, LOSSES) for name in (INPUT, *LOSSES)]
    assert len({(str(style["color"]), style["marker"]) for style in styles}) == 1 + len(LOSSES)
    assert len({style["color"] for style in styles}) == 1 + len(LOSSES)
    classical = [method_style(name, LOSSES) for name in BASELINES]
    assert {style["color"] for style in classical} == {"0.45"}
    assert len({style["marker"] for style in classical}) == len(BASELINES)


@pytest.mark.parametrize("channels", [1, 3])
def test_crops_show_the_same_detail_of_every_method(channels):
    picture = pictures(1, side=200, channels=channels)[0]
    outputs = {INPUT: picture.noisy, "median": picture.clean * 0.5, "mse": picture.clean * 0.9}
    figure = crop_panels(picture, outputs, {INPUT: 16.0, "median": 20.126, "mse": 25.5})
    shown = [axis for axis in figure.axes if axis.get_visible()]
    assert [axis.get_title() for axis in shown] == ["Noisy input", "Median", "MSE loss", "Clean"]
    assert [axis.get_xlabel().strip() for axis in shown] == ["16.00 dB", "20.13 dB", "25.50 dB", ""]
    rows, columns = busiest_window(picture.clean, 160)
    for axis, image in zip(shown, [*outputs.values(), picture.clean], strict=True):
        crop = np.clip(image[rows, columns], 0, 1)
        crop = crop if channels == 3 else crop[..., 0]
        pixels = np.asarray(axis.images[0].get_array())
        np.testing.assert_allclose(pixels, crop)
        (inset,) = axis.child_axes
        (frame,) = axis.patches
        left, top = round(frame.get_x() + 0.5), round(frame.get_y() + 0.5)
        np.testing.assert_allclose(inset.images[0].get_array(), crop[top : top + 32, left : left + 32])


def test_the_inset_covers_the_corner_farthest_from_what_it_enlarges():
    clean = np.zeros((100, 100, 1), "float32")
    clean[80:90, 10:20] = 1  # below on the left
    figure = crop_panels(NoisyPair("corner", clean, clean), {INPUT: clean}, {INPUT: 30.0})
    figure.draw_without_rendering()
    axis = figure.axes[0]
    inset = axis.child_axes[0].get_position()
    whole = axis.get_position()
    assert inset.x0 > (whole.x0 + whole.x1) / 2 - 0.01
    assert inset.y0 > (whole.y0 + whole.y1) / 2 - 0.01


@pytest.mark.parametrize("side", [7, 8])
def test_the_busiest_window_holds_the_most_change(side):
    image = np.random.default_rng(0).random((30, 41, 3)) ** 6
    gray = image.mean(2)
    down, right = np.zeros_like(gray), np.zeros_like(gray)
    down[:-1], right[:, :-1] = np.abs(np.diff(gray, axis=0)), np.abs(np.diff(gray, axis=1))
    changes = down + right
    changes[-1], changes[:, -1] = 0, 0
    sums = {
        (top, left): changes[top : top + side, left : left + side].sum()
        for top, left in itertools.product(range(30 - side + 1), range(41 - side + 1))
    }
    rows, columns = busiest_window(image, side)
    assert sums[rows.start, columns.start] == pytest.approx(max(sums.values()))
    assert (rows.stop - rows.start, columns.stop - columns.start) == (side, side)


def test_a_window_as_large_as_the_image_is_the_image():
    assert busiest_window(np.zeros((6, 9, 1)), 6)[0] == slice(0, 6)


def test_the_sweep_has_a_line_per_method_and_shades_the_trained_range():
    curves = {INPUT: [[20, 10]], "gaussian_blur": [[24, 18]], "mse": [[30, 20], [32, 24]]}
    sweep = Sweep((10, 50), {name: np.array(values, float) for name, values in curves.items()}, 3)
    figure = sweep_lines(sweep, ["mse"], (5, 55))
    (axis,) = figure.axes
    lines = {line.get_label(): list(line.get_ydata()) for line in axis.lines}
    assert lines == {
        "Noisy input": [20, 10], "Gaussian blur, tuned at each level": [24, 18], "MSE loss": [31, 22],
    }  # fmt: skip
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts[0] == "trained on (5 to 55)"
    (shade,) = axis.patches
    assert (shade.get_x(), shade.get_width()) == (5, 50)
    assert not sweep_lines(sweep, ["mse"], None).axes[0].patches


def test_cost_has_a_labelled_point_per_method():
    psnr = {name: 20 + index / 100 for index, name in enumerate([*LOSSES, "median", "total_variation"])}
    costs = dict.fromkeys(LOSSES, 120.0) | {"median": 50.0, "total_variation": 4000.0}
    figure = cost_scatter(costs, psnr, LOSSES)
    (axis,) = figure.axes
    assert axis.get_xscale() == "log"
    points = {(line.get_xdata()[0], line.get_ydata()[0]) for line in axis.lines}
    assert points == {(costs[name], psnr[name]) for name in costs}
    assert {text.get_text() for text in axis.texts} == set(map(method_title, costs))
    assert {text.xy for text in axis.texts} == points
    columns = {text.get_text(): text.xyann[0] for text in axis.texts}
    assert columns["Median"] == columns["MSE loss"] < columns["Total variation"]
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in axis.texts]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
    assert all(axis.bbox.x0 <= box.x0 and box.x1 <= axis.bbox.x1 for box in boxes)


def test_a_single_method_has_a_place_too(tmp_path):
    figure = cost_scatter({"mse": 100.0}, {"mse": 20.0}, ["mse"])
    assert len(save_figure(figure, tmp_path / "cost.png")) > 1000
    assert matplotlib.image.imread(tmp_path / "cost.png").std() > 0.02


def test_labels_are_pushed_apart_and_no_farther():
    places = pushed_apart([1.0, 1.1, 1.2, 9.0], 0.5)
    np.testing.assert_allclose(places, [0.6, 1.1, 1.6, 9.0])


def test_curves_show_every_repeat_over_steps():
    records = {(1, "mse"): record(), (2, "mse"): record(), (1, "wavelet"): record(steps=200)}
    records[2, "wavelet"] = {**record(), "history": {}}  # stopped before its first validation
    figure = texture_curves(records, ["mse", "wavelet"])
    assert [len(axis.lines) for axis in figure.axes] == [4, 4]
    loss, psnr = figure.axes
    assert list(loss.lines[0].get_ydata()) == [0.4, 0.3, 0.2, 0.1]
    assert list(psnr.lines[2].get_xdata()) == [50, 100, 150, 200]
    assert list(psnr.lines[2].get_ydata()) == [20, 21, 23, 22]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["MSE loss", "Wavelet loss"]
