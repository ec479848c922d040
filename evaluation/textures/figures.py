"""The figures of a report on photographs, in the style of `evaluation.figures`."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FuncFormatter, NullFormatter
from scipy import ndimage
from scipy.optimize import isotonic_regression

from evaluation.figures import INPUT_STYLE, MARKERS, REFERENCE_STYLE, numbered_style, styled
from evaluation.measures import MEASURES
from evaluation.table import INPUT
from evaluation.textures.baselines import BASELINES
from evaluation.textures.run import REFERENCE, level_title, method_title, network_title
from evaluation.textures.sweep import Sweep
from evaluation.textures.table import PictureTable
from evaluation.textures.verdicts import SHARPNESS
from tf_denoise.data.noisy_pair import NoisyPair

CROP_SIDE, ZOOM_SHARE = 160, 5
COLUMNS = 5
HOW_TO_READ_THE_PLANE = (
    "Farther to the right is closer to the clean picture, higher up is sharper. A line joins the weights of one loss, "
    "from 0, the MSE alone, and a number is a weight. A dotted line is the clean picture's. Means over photographs and "
    "noise levels. The lower row shows the networks alone."
)


def method_style(name: str, networks: Sequence[str]) -> dict:
    """Colour, marker and dashes of a method, alike in every figure: the MSE model black, classical methods grey."""
    if name in BASELINES:
        marker = MARKERS[list(BASELINES).index(name) % len(MARKERS)]
        return {"color": "0.45", "linestyle": "--", "marker": marker}
    if name in (INPUT, REFERENCE):
        return INPUT_STYLE if name == INPUT else REFERENCE_STYLE
    return numbered_style([other for other in networks if other != REFERENCE].index(name))


def crop_panels(
    picture: NoisyPair,
    outputs: Mapping[str, np.ndarray],
    psnr: Mapping[str, float],
    title: Callable[[str], str] = method_title,
) -> Figure:
    """One detail of a photograph as each method gives it, a part of it enlarged in a corner, PSNR underneath.

    Args:
        picture: The photograph.
        outputs: By method, float32 `(height, width, channels)` in [0, 1], the noisy input among them.
        psnr: By method, the PSNR of the whole photograph in dB.
        title: What a method is called; so in all figures.
    """
    panels = [(title(name), output, f"{psnr[name]:.2f} dB") for name, output in outputs.items()]
    panels.append(("Clean", picture.clean, " "))
    side = min(CROP_SIDE, *picture.clean.shape[:2])
    crop = busiest_window(picture.clean, side)
    zoom = busiest_window(picture.clean[crop], max(2, side // ZOOM_SHARE))
    columns = min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    with styled():
        figure = Figure(figsize=(2.45 * columns, 2.85 * rows + 0.5), layout="constrained")
        axes = np.ravel(figure.subplots(rows, columns, squeeze=False))
        for axis in axes[len(panels) :]:
            axis.set_visible(False)
        for axis, (words, image, caption) in zip(axes, panels, strict=False):
            _show_crop(axis, image[crop], zoom)
            axis.set_title(words, fontsize=10)
            axis.set_xlabel(caption, fontsize=10)
        noise = "" if picture.level is None else f", {level_title(picture.level)}"
        figure.suptitle(picture.name + noise, fontsize=12, parse_math=False)  # a file name may hold dollar signs
    return figure


def busiest_window(image: np.ndarray, side: int) -> tuple[slice, slice]:
    """Rows and columns of the square with the strongest changes between neighbouring pixels.

    Example:
        >>> image = np.zeros((20, 30, 1))
        >>> image[12:16, 3:7] = 1
        >>> rows, columns = busiest_window(image, 8)
        >>> rows.start <= 12 and rows.stop >= 16, columns.start <= 3 and columns.stop >= 7
        (True, True)
    """
    changes = sum(np.abs(np.diff(image.mean(axis=2), axis=axis, append=0)) for axis in (0, 1))
    changes[-1], changes[:, -1] = 0, 0
    sums = ndimage.uniform_filter(changes, side, mode="constant")
    height, width = changes.shape
    inside = sums[side // 2 : side // 2 + height - side + 1, side // 2 : side // 2 + width - side + 1]
    top, left = (int(place) for place in np.unravel_index(np.argmax(inside), inside.shape))
    return slice(top, top + side), slice(left, left + side)


def _show_crop(axis: Axes, image: np.ndarray, zoom: tuple[slice, slice]) -> None:
    """A crop, and its part `zoom` enlarged in the corner that is farthest from it."""
    rows, columns = zoom
    height, width = image.shape[:2]
    bottom = 0.5 if rows.start + rows.stop > height else 0.0
    left = 0.0 if columns.start + columns.stop > width else 0.5
    inset = axis.inset_axes((left, bottom, 0.5, 0.5))
    for place, pixels in ((axis, image), (inset, image[zoom])):
        shown = pixels if pixels.shape[2] == 3 else pixels.mean(axis=2)
        place.imshow(np.clip(shown, 0, 1), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        place.set(xticks=[], yticks=[])
        place.grid(visible=False)
    side = rows.stop - rows.start
    axis.add_patch(Rectangle((columns.start - 0.5, rows.start - 0.5), side, side, fill=False, color="#F0E442", lw=1.2))
    for spine in inset.spines.values():
        spine.set(visible=True, color="#F0E442", linewidth=1.2)


def sweep_lines(
    sweep: Sweep,
    networks: Sequence[str],
    trained_range: tuple[float, float] | None,
    title: Callable[[str], str] = method_title,
) -> Figure:
    """PSNR over noise, one line per method: mean over repeats, band from least to most; the trained range shaded."""
    with styled():
        figure = Figure(figsize=(10, 5), layout="constrained")
        axis = figure.subplots()
        if trained_range is not None:
            least, most = trained_range
            name = f"trained on ({least:g} to {most:g})" if most > least else f"trained on ({least:g})"
            axis.axvspan(least - (most == least) / 2, most + (most == least) / 2, color="#56B4E9", alpha=0.15, lw=0,
                         label=name)  # fmt: skip
        for method, values in sweep.curves.items():
            style = method_style(method, networks)
            words = title(method) + (", tuned at each level" if method in BASELINES else "")
            axis.plot(sweep.sigmas, values.mean(0), label=words, markersize=5, **style)
            axis.fill_between(sweep.sigmas, values.min(0), values.max(0), color=style["color"], alpha=0.15, lw=0)
        axis.set(xlabel="standard deviation of the noise (255ths)", ylabel="PSNR (dB)")
        figure.legend(loc="outside right center")
        figure.suptitle("PSNR over noise", fontsize=13)
    return figure


def cost_scatter(
    costs: Mapping[str, float],
    psnr: Mapping[str, float],
    networks: Sequence[str],
    title: Callable[[str], str] = method_title,
) -> Figure:
    """Mean PSNR over milliseconds per megapixel, a labelled point per method.

    Methods of like cost (each at most three times the one before) have their labels in one column on their right.
    """
    least, most = min(costs.values()), max(costs.values())
    ends = column_ends(costs)
    names = sorted(costs, key=lambda name: psnr[name])
    with styled():
        figure = Figure(figsize=(10, 5), layout="constrained")
        axis = figure.subplots()
        for name in names:
            axis.plot(costs[name], psnr[name], markersize=8, **{**method_style(name, networks), "linestyle": ""})
        axis.set(xscale="log", xlabel="milliseconds per megapixel", ylabel="PSNR (dB)")
        axis.set_xlim(least / 2, most * 2 * (most / least) ** 0.35)  # room for the labels
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.margins(y=0.15)
        low, high = axis.get_ylim()
        places = pushed_apart([psnr[name] for name in names], (high - low) / 20)
        for name, place in zip(names, places, strict=True):
            line = {"arrowstyle": "-", "color": "0.6", "linewidth": 0.7, "shrinkA": 0, "shrinkB": 5}
            point, text = (costs[name], psnr[name]), (ends[name] * 1.2 * (most / least) ** 0.05, place)
            axis.annotate(title(name), point, text, va="center", fontsize=9, arrowprops=line)
        figure.suptitle("Quality and cost", fontsize=13)
    return figure


def column_ends(costs: Mapping[str, float]) -> dict[str, float]:
    """The greatest cost among the methods that share a method's column.

    Example:
        >>> column_ends({"a": 1.0, "b": 2.0, "c": 5.0, "d": 100.0})
        {'d': 100.0, 'c': 5.0, 'b': 5.0, 'a': 5.0}
    """
    ends: dict[str, float] = {}
    before = end = float("inf")
    for name in sorted(costs, key=lambda name: costs[name], reverse=True):
        if costs[name] * 3 <= before:
            end = costs[name]
        before = costs[name]
        ends[name] = end
    return ends


def pushed_apart(values: Sequence[float], gap: float) -> np.ndarray:
    """The nearest places to ascending values that are at least `gap` apart.

    Example:
        >>> pushed_apart([1.0, 1.0, 5.0], 1.0).tolist()
        [0.5, 1.5, 5.0]
    """
    steps = gap * np.arange(len(values))
    return isotonic_regression(values - steps).x + steps


def texture_curves(
    records: Mapping[tuple[int, str], dict], networks: Sequence[str], title: Callable[[str], str] = method_title
) -> Figure:
    """Training loss and validation PSNR over steps, a line for every repeat of every network."""
    with styled():
        figure = Figure(figsize=(12, 4.2), layout="constrained")
        axes = figure.subplots(1, 2)
        seen = set()
        for (_, name), record in records.items():
            style = {**method_style(name, networks), "marker": "", "alpha": 0.85}
            for axis, key in zip(axes, ("loss", "val_psnr"), strict=True):
                values = record["history"].get(key, [])
                steps = record["steps"] * np.arange(1, len(values) + 1) / max(1, len(values))
                axis.plot(steps, values, label=None if name in seen else title(name), **style)
            seen.add(name)
        axes[0].set(yscale="log", xlabel="step", title="training loss (each network its own: heights do not compare)")
        axes[1].set(xlabel="step", title="PSNR of the validation photographs (dB)")
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside right center")
        figure.suptitle("Training", fontsize=13)
    return figure


def sharpness_plane(
    table: PictureTable, losses: Mapping[str, tuple[str, str, float]], measures: Sequence[str] = SHARPNESS
) -> Figure:
    """Sharpness over PSNR: the weights of a loss joined by a line, classical methods and all else as points.

    Args:
        table: The scores.
        losses: By network: what it is (a key of `KINDS`), its loss, and the weight of that beside the mean squared
            error, 0 for a loss of single pixels.
        measures: Measures of sharpness, a panel each.
    """
    lines: dict[tuple[str, str], list[tuple[float, str]]] = {}
    for name, (kind, loss, weight) in losses.items():
        lines.setdefault((kind, loss), []).append((weight, name))
    classical = [name for name in BASELINES if name in table.methods]
    with styled():
        rows = 2 if classical else 1
        figure = Figure(figsize=(4.6 * len(measures) + 2.4, 0.6 + 4.0 * rows), layout="constrained")
        grid = figure.subplots(rows, len(measures), squeeze=False)
        for column, measure in enumerate(measures):
            for row, axis in enumerate(grid[:, column]):
                alone = row == rows - 1
                for name in [] if alone else classical:
                    style = {**method_style(name, []), "linestyle": ""}
                    _place_in_plane(axis, table, name, measure, style, method_title(name))
                for place, members in lines.items():
                    start = [(0.0, name) for name, one in losses.items() if one[:2] == (place[0], REFERENCE)]
                    style = method_style(members[0][1], list(losses))
                    words = network_title(place[1], place[0])
                    _draw_loss(axis, table, measure, (start, members), style, words, numbered=alone)
                if MEASURES[measure].better == "closer to 1" and not alone:
                    axis.axhline(1, color="0.6", linewidth=0.8, linestyle=":")
                if MEASURES[measure].better == "lower":
                    axis.invert_yaxis()
                axis.margins(0.12)
                axis.set(title=MEASURES[measure].heading + (", networks alone" if alone and classical else ""))
            grid[-1, column].set_xlabel(MEASURES["psnr"].title)
        handles, labels = grid[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside right center")
    return figure


def _draw_loss(
    axis: Axes,
    table: PictureTable,
    measure: str,
    networks: tuple[list[tuple[float, str]], list[tuple[float, str]]],
    style: dict,
    words: str,
    numbered: bool,
) -> None:
    """The weights of a loss, joined by a line from the network of weight 0; a loss of single pixels as a point."""
    start, members = networks
    if max(members)[0] == 0:
        _place_in_plane(axis, table, members[0][1], measure, {**style, "linestyle": "", "zorder": 4}, words)
        return
    points = [_point_of_plane(table, name, measure) for _, name in sorted([*start, *members])]
    axis.plot(*zip(*points, strict=True), **{**style, "marker": ""}, linewidth=1)
    for weight, name in members:
        label = words if name == members[0][1] else None
        _place_in_plane(axis, table, name, measure, {**style, "linestyle": ""}, label)
        if numbered:
            point = _point_of_plane(table, name, measure)
            axis.annotate(f"{weight:g}", point, (5, 3), textcoords="offset points", fontsize=8)


def _point_of_plane(table: PictureTable, name: str, measure: str) -> tuple[float, float]:
    return table.average(name, "psnr").value, table.average(name, measure).value


def _place_in_plane(axis: Axes, table: PictureTable, name: str, measure: str, style: dict, label: str | None) -> None:
    """A method in the plane, with bars from the least to the most of its repeats."""
    found = [table.average(name, key) for key in ("psnr", measure)]
    spread = [[[mean.value - mean.least], [mean.most - mean.value]] for mean in found]
    bars = {"xerr": spread[0], "yerr": spread[1]} if np.any(spread) else {}
    axis.errorbar(*(mean.value for mean in found), **bars, elinewidth=0.8, markersize=6, label=label, **style)
