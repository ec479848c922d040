"""The figures of a report on digits."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from evaluation.digits.names import TEST_SETS, label
from evaluation.digits.table import DigitTable
from evaluation.figures import COLOURS, INPUT_STYLE, REFERENCE_STYLE, numbered_style, styled
from evaluation.measures import DIGITS, MEASURES
from evaluation.table import INPUT

CONTROL_MARKERS = ("+", "1", "2", "3", "4", "|", "_", "x")
CONTROL_DASHES: tuple = ("--", ":", "-.", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 3)), (0, (8, 2)), (0, (5, 1, 1, 1)))


def line_style(name: str, siblings: Sequence[str]) -> dict:
    """Colour, marker and dashes of a network, alike in every figure."""
    if name == INPUT:
        return INPUT_STYLE
    if "/" not in name:
        return REFERENCE_STYLE
    leaf = name.split("/")[1]
    leaves = list(dict.fromkeys(sibling.split("/")[1] for sibling in siblings if "/" in sibling))
    controls = [sibling for sibling in leaves if sibling.startswith("control")]
    if leaf in controls or leaf.startswith("control"):
        place = controls.index(leaf) % len(CONTROL_MARKERS) if leaf in controls else 0
        return {
            "color": COLOURS[5],
            "linestyle": CONTROL_DASHES[place],
            "marker": CONTROL_MARKERS[place],
            "linewidth": 2,
        }
    leaves = [sibling for sibling in leaves if sibling not in controls]
    generation = name.count("/")
    return numbered_style(leaves.index(leaf)) | {"linestyle": ("-", "-.", (0, (1, 1)))[min(generation, 3) - 1]}


def against_controls(table: DigitTable, pairs: Sequence[tuple[str, str]], title: str) -> Figure:
    """Networks minus one network of equal training over the noise level: mean over repeats, band from least to most.

    Args:
        table: The scores.
        pairs: Networks of one branch, each with what it is held against, which is the line at zero.
        title: Of the figure.
    """
    names = [name for name, _ in pairs]
    sets = TEST_SETS[:-1]
    with styled():
        figure = Figure(figsize=(12, 4.8), layout="constrained")
        for axis, measure in zip(figure.subplots(1, 2), ("mse", "ssim"), strict=True):
            for name, control in pairs:
                mine, theirs = (
                    np.array([[score.value for score in table.over_repeats(n, t, measure)] for t in sets])
                    for n in (name, control)
                )
                change = 100 * (mine / theirs - 1) if measure == "mse" else mine - theirs
                style = line_style(name, names)
                axis.plot(change.mean(1), label=label(name), markersize=5, **style)
                axis.fill_between(
                    range(len(sets)), change.min(1), change.max(1), color=style["color"], alpha=0.15, lw=0
                )
            axis.axhline(0, color=COLOURS[5], linewidth=2, linestyle="--", label="one network of equal training")
            axis.set_xticks(range(len(sets)), [str(level) for level in range(0, 101, 10)])
            axis.set_xlabel("noise level (%)")
            side = "below" if MEASURES[measure].sign < 0 else "above"
            unit = " in %" if measure == "mse" else ""
            axis.set_title(f"{MEASURES[measure].title}: difference{unit} ({side} 0 is better)")
        handles, labels = axis.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(5, len(labels)), fontsize=10)
        figure.suptitle(title, fontsize=13)
    return figure


def measure_panels(table: DigitTable, networks: Sequence[str], title: str) -> Figure:
    """The eight measures over the test sets, one line per network: mean over repeats, band from least to most."""
    with styled():
        figure = Figure(figsize=(12, 15), layout="constrained")
        axes = figure.subplots(4, 2).ravel()
        positions = np.arange(len(TEST_SETS))
        for axis, measure in zip(axes, DIGITS, strict=True):
            rounded = measure != "classifier_accuracy"
            for network in [INPUT, *networks]:
                values = np.array(
                    [[s.value for s in table.over_repeats(network, t, measure, rounded=rounded)] for t in TEST_SETS]
                )
                style = line_style(network, networks)
                # The mixed set is not a level: it stands apart, without a line to it.
                axis.plot(positions[:-1], values[:-1].mean(1), label=label(network), markersize=5, **style)
                axis.plot(positions[-1:], values[-1:].mean(1), **{**style, "marker": style["marker"] or "_"})
                axis.fill_between(
                    positions[:-1], values[:-1].min(1), values[:-1].max(1), color=style["color"], alpha=0.15, lw=0
                )
            axis.set_title(f"{MEASURES[measure].title} ({MEASURES[measure].better} is better)")
            axis.set_xticks(positions, ["0", *(str(p) for p in range(10, 101, 10)), "mixed"])
            axis.set_xlabel("noise level (%)")
            _focus(axis, table, networks, measure, rounded)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(5, len(labels)), fontsize=11)
        figure.suptitle(title, fontsize=14)
    return figure


def _focus(axis, table: DigitTable, networks: Sequence[str], measure: str, rounded: bool) -> None:
    """Limit the axis to the networks' range: the noisy input may run far out of it."""
    values = [s.value for n in networks for t in TEST_SETS for s in table.over_repeats(n, t, measure, rounded=rounded)]
    margin = 0.06 * (max(values) - min(values) or 1)
    axis.set_ylim(min(values) - margin, max(values) + margin)


def image_grid(rows: Sequence[tuple[str, np.ndarray]], title: str, image_shape=(28, 28)) -> Figure:
    """Rows of digits: `(label, images (n, pixels) in [-1, 1])`."""
    height, width = image_shape
    count = len(rows[0][1])
    with styled():
        figure = Figure(figsize=(1.6 + 0.55 * count, 0.62 * len(rows) + 0.5), layout="constrained")
        for axis, (name, images) in zip(np.ravel(figure.subplots(len(rows), 1)), rows, strict=True):
            strip = np.full((height, count * (width + 2) - 2), 1.0)
            for index, image in enumerate(images):
                strip[:, index * (width + 2) : index * (width + 2) + width] = image.reshape(height, width)
            axis.imshow(strip, cmap="gray", vmin=-1, vmax=1, interpolation="nearest", aspect="equal")
            axis.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
            axis.set(xticks=[], yticks=[])
            axis.grid(visible=False)
            for spine in axis.spines.values():
                spine.set_visible(False)
        figure.suptitle(title, fontsize=12)
    return figure


def embedding_scatters(embeddings: Sequence[tuple[str, np.ndarray]], labels: np.ndarray, title: str) -> Figure:
    """t-SNE scatters, `(name, points (n, 2))`, coloured by digit and labelled at each digit's centre."""
    columns = min(5, len(embeddings))
    rows = -(-len(embeddings) // columns)
    colours = matplotlib.color_sequences["tab10"]
    with styled():
        figure = Figure(figsize=(2.7 * columns, 2.8 * rows + 0.4), layout="constrained")
        axes = np.ravel(figure.subplots(rows, columns, squeeze=False))
        for axis in axes[len(embeddings) :]:
            axis.set_visible(False)
        for axis, (name, points) in zip(axes, embeddings, strict=False):
            size = float(np.clip(3000 / len(points), 0.5, 12))
            for digit in np.unique(labels):
                mine = points[labels == digit]
                axis.scatter(*mine.T, s=size, color=colours[digit % 10], linewidths=0, rasterized=True)
            for digit in np.unique(labels):
                centre = np.median(points[labels == digit], axis=0)
                axis.text(*centre, str(digit), fontsize=10, weight="bold", ha="center", va="center",
                          bbox={"facecolor": "white", "alpha": 0.7, "edgecolor": "none", "pad": 0.8})  # fmt: skip
            axis.set_title(name, fontsize=10)
            axis.set(xticks=[], yticks=[])
        figure.suptitle(title, fontsize=12)
    return figure


def training_curves(histories: Sequence[tuple[str, dict]], networks: Sequence[str], title: str) -> Figure:
    """Training and validation loss over epochs, `(name, history)` of every repeat."""
    with styled():
        figure = Figure(figsize=(12, 4.2), layout="constrained")
        axes = figure.subplots(1, 2, sharey=True)
        seen = set()
        for name, history in histories:
            style = {**line_style(name, networks), "marker": "", "alpha": 0.85}
            for axis, key in zip(axes, ("loss", "val_loss"), strict=True):
                values = history.get(key, [])
                axis.plot(np.arange(1, len(values) + 1), values, label=None if name in seen else label(name), **style)
            seen.add(name)
        for axis, name in zip(axes, ("training", "validation"), strict=True):
            axis.set(yscale="log", xlabel="epoch of 60,000 images", title=f"{name} loss (MSE on [-1, 1])")
            axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside right center")
        figure.suptitle(title, fontsize=13)
    return figure
