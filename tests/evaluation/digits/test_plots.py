import itertools

import matplotlib
import matplotlib.image
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from evaluation.digits import figures as plots
from evaluation.digits.scoring import DigitTable, Score
from evaluation.digits.test_sets import TEST_SETS
from evaluation.figures import save_figure
from evaluation.measures import DIGITS, MEASURES
from evaluation.table import INPUT

FAMILY = ["one_level", *(f"one_level/{child}" for child in ("0", "25", "mixed", "multi", "40")), "one_level/control"]
# What protanopes and deuteranopes see of linear RGB (Vienot, Brettel and Mollon, 1999).
SEEN = {
    "protan": [[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]],
    "deutan": [[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]],
}


def table(repeats=1):
    rng = np.random.default_rng(0)
    rows = []
    for repeat, network in itertools.chain([(0, INPUT)], itertools.product(range(1, repeats + 1), FAMILY)):
        for test_set, measure, rounded in itertools.product(TEST_SETS, DIGITS, (True, False)):
            rows.append(Score(repeat, network, False, test_set, measure, rounded, rng.random() + 3))
    return DigitTable(rows)


def test_the_panels_show_eight_measures_of_every_network():
    scores = table(repeats=2)
    figure = plots.measure_panels(scores, FAMILY, "title")
    assert [axis.get_title().split(" (")[0] for axis in figure.axes] == [
        MEASURES[measure].title.split(" (")[0] for measure in DIGITS
    ]
    for axis, measure in zip(figure.axes, DIGITS, strict=True):
        lines = {line.get_label(): line.get_ydata() for line in axis.lines if not line.get_label().startswith("_")}
        assert list(lines) == [plots.label(name) for name in (INPUT, *FAMILY)]
        rounded = measure != "classifier_accuracy"
        for name in FAMILY:
            expected = [
                np.mean([s.value for s in scores.over_repeats(name, t, measure, rounded=rounded)]) for t in TEST_SETS
            ]
            np.testing.assert_allclose(lines[plots.label(name)], expected[:-1])
    assert len(figure.legends[0].get_texts()) == 1 + len(FAMILY)


def test_lines_can_be_told_apart_by_the_colour_blind():
    styles = [plots.line_style(name, FAMILY) for name in FAMILY]
    for one, other in itertools.combinations(styles, 2):
        assert (one["color"], one["linestyle"]) != (other["color"], other["linestyle"])
        assert one["marker"] != other["marker"]
        for matrix in SEEN.values():
            seen = [np.clip(np.array(matrix) @ np.array(to_rgb(style["color"])) ** 2.2, 0, 1) ** (1 / 2.2) for style in (one, other)]  # fmt: skip  # noqa: E501
            assert np.linalg.norm(seen[0] - seen[1]) > 0.08


def test_generations_of_a_child_share_its_colour_and_differ_in_dashes():
    names = ["one_level/25", "one_level/25/25", "one_level/25/25/25"]
    styles = [plots.line_style(name, names) for name in names]
    assert len({style["color"] for style in styles}) == 1
    assert len({str(style["linestyle"]) for style in styles}) == 3
    assert plots.label(names[1]) == "child 25 > 25"


def test_the_grid_shows_each_image_in_its_place():
    images = np.linspace(-1, 1, 3 * 12).reshape(3, 12)
    figure = plots.image_grid([("target", images), ("input", -images)], "title", (4, 3))
    top, bottom = (axis.images[0].get_array() for axis in figure.axes)
    assert top.shape == (4, 3 * 3 + 2 * 2)
    for index in range(3):
        np.testing.assert_array_equal(top[:, 5 * index : 5 * index + 3], images[index].reshape(4, 3))
        np.testing.assert_array_equal(bottom[:, 5 * index : 5 * index + 3], -images[index].reshape(4, 3))
    assert [axis.get_ylabel() for axis in figure.axes] == ["target", "input"]


def test_scatters_show_every_point_and_name_every_digit():
    labels = np.repeat([0, 3, 7], 5)
    points = np.random.default_rng(0).normal(size=(15, 2))
    figure = plots.embedding_scatters([("a", points), ("b", points + 1)], labels, "title")
    for axis in figure.axes:
        assert sum(len(c.get_offsets()) for c in axis.collections) == 15
        assert [text.get_text() for text in axis.texts] == ["0", "3", "7"]


def test_curves_show_the_history_of_every_repeat(tmp_path):
    histories = [
        ("one_level", {"loss": [3, 2], "val_loss": [4, 3]}),
        ("one_level", {"loss": [3, 1], "val_loss": [2, 1]}),
    ]
    histories.append(("one_level/control", {}))  # stopped in its first epoch
    figure = plots.training_curves(histories, ["one_level", "one_level/control"], "title")
    drawn = [[list(line.get_ydata()) for line in axis.lines] for axis in figure.axes]
    assert drawn == [[[3, 2], [3, 1], []], [[4, 3], [2, 1], []]]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["parent", "control"]
    assert len(save_figure(figure, tmp_path / "curves.png")) > 1000


def test_a_figure_is_saved_whole_and_leaves_global_state_alone(tmp_path):
    before = dict(matplotlib.rcParams)
    figure = plots.image_grid([("row", np.zeros((2, 12)))], "title", (4, 3))
    png = save_figure(figure, tmp_path / "deep" / "grid.png")
    assert (tmp_path / "deep" / "grid.png").read_bytes() == png
    assert matplotlib.image.imread(tmp_path / "deep" / "grid.png").ndim == 3
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("name", ["multi_level", "one_level/control_x3"])
def test_labels_are_words(name):
    assert plots.label(name) in ("parent", "control of 3 trainings")
