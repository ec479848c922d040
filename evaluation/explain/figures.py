"""Figures of what a denoiser looks at, in the style of `evaluation.figures`."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from evaluation.explain.trust import RANDOM, UNIFORM, Curves
from evaluation.figures import styled
from tf_denoise.explain import overlay_heatmap

MOST_SHARE = 0.95


def heat_panels(noisy: np.ndarray, heat: np.ndarray, title: str, caption: str = "") -> Figure:
    """Noisy input, heat map with its colour bar, overlay.

    Args:
        noisy: `(height, width, 1 or 3)`; values outside [0, 1] are clipped.
        heat: `(height, width)` in [0, 1].
        title: Above all panels.
        caption: Below them.
    """
    with styled():
        figure, axes = _three_panels(noisy.shape)
        show_picture(axes[0], noisy, "noisy input")
        shown = axes[1].imshow(heat, cmap="jet", vmin=0, vmax=1)
        axes[1].set_title("heat map")
        figure.colorbar(shown, ax=axes[1], fraction=0.046, pad=0.03)
        show_picture(axes[2], overlay_heatmap(noisy, heat), "overlay")
        _label(figure, axes, title, caption)
    return figure


def influence_panels(
    noisy: np.ndarray, influence: np.ndarray, pixel: tuple[int, int], size: int, title: str, caption: str = ""
) -> Figure:
    """Noisy input with the filter's place marked, the signed filter, and its magnitude over the picture around it.

    Args:
        noisy: `(height, width, 1 or 3)`.
        influence: Of the same shape, signed.
        pixel: Row and column of the pixel, or of the upper left corner of a patch.
        size: Side of the patch.
        title: Above all panels.
        caption: Below them.
    """
    signed = influence.sum(axis=-1)
    strength = np.abs(influence).sum(axis=-1)
    window = window_around(strength, pixel, size)
    with styled():
        figure, axes = _three_panels(noisy.shape)
        show_picture(axes[0], noisy, "noisy input")
        height, width = (side.stop - side.start for side in window)
        mark_window(axes[0], window)
        show_filter(axes[1], signed, window, figure)
        axes[1].set_title(f"influence, {width} x {height} pixels around it")
        around = tuple(slice(max(0, side.start - height), side.stop + height) for side in window)
        heat = strength / (strength.max() or 1)
        show_picture(axes[2], overlay_heatmap(noisy[around], heat[around]), "overlay, enlarged")
        _label(figure, axes, title, caption)
    return figure


def window_around(strength: np.ndarray, pixel: tuple[int, int], size: int = 1) -> tuple[slice, slice]:
    """The smallest window around a pixel that holds `MOST_SHARE` of the influence, cut off at the edges.

    Example:
        >>> strength = np.zeros((9, 9))
        >>> strength[4, 4:6] = 1
        >>> window_around(strength, (4, 4))
        (slice(3, 6, None), slice(3, 6, None))
    """
    (row, column), total = pixel, strength.sum()
    for reach in range(1, max(strength.shape) + 1):
        window = (
            slice(max(0, row - reach), min(strength.shape[0], row + size + reach)),
            slice(max(0, column - reach), min(strength.shape[1], column + size + reach)),
        )
        if strength[window].sum() >= MOST_SHARE * total:
            break
    return window


def show_filter(axis: Axes, signed: np.ndarray, window: tuple[slice, slice], figure: Figure) -> None:
    """A signed filter, red where more input makes more output, blue where less, zero white.

    The colours end at the second largest magnitude: the pixel itself often outweighs all others.
    """
    part = signed[window]
    limit = np.sort(np.abs(part), axis=None)[-2:][0] or np.abs(part).max() or 1
    shown = axis.imshow(part, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
    _without_ticks(axis)
    figure.colorbar(shown, ax=axis, fraction=0.046, pad=0.03, extend="both")


def mark_window(axis: Axes, window: tuple[slice, slice], name: str = "") -> None:
    """A frame around a window of a picture, which light and dark places show alike, and its name above."""
    (top, left), (height, width) = ([s.start for s in window], [s.stop - s.start for s in window])
    for colour, line in (("black", 3.5), ("white", 1.5)):
        axis.add_patch(Rectangle((left - 0.5, top - 0.5), width, height, fill=False, edgecolor=colour, linewidth=line))
    box = {"facecolor": "black", "alpha": 0.6, "edgecolor": "none", "pad": 1}
    if name:
        axis.text(left, top - 4, name, color="white", fontsize=9, va="bottom", bbox=box)


def show_picture(axis: Axes, image: np.ndarray, title: str = "") -> None:
    """A picture without axes: floats clipped to [0, 1], grey if it has one channel."""
    image = image if image.dtype == np.uint8 else image.clip(0, 1)
    axis.imshow(
        image[..., 0] if image.shape[-1] == 1 else image,
        cmap="gray",
        vmin=0,
        vmax=255 if image.dtype == np.uint8 else 1,
    )
    axis.set_title(title)
    _without_ticks(axis)


def trust_curves(curves: Curves, titles: Sequence[tuple[str, str, str]], title: str) -> Figure:
    """Deletion and insertion curves side by side.

    Args:
        curves: The curves.
        titles: (key, what the legend says, colour) of each map.
        title: Above both.
    """
    lines = [*titles, (RANDOM, "random", "0.45"), (UNIFORM, "uniform", "0.7")]
    with styled():
        figure = Figure(figsize=(12, 4.2), layout="constrained")
        axes = figure.subplots(1, 2, sharey=True)
        for axis, side, words in zip(
            axes,
            (curves.deletion, curves.insertion),
            ("taken away, hottest first (lower is better)", "put back, hottest first (higher is better)"),
            strict=True,
        ):
            for key, name, colour in lines:
                style = {"linestyle": "--" if key in (RANDOM, UNIFORM) else "-", "color": colour}
                axis.plot(100 * curves.shares, side[key], marker=".", label=name, **style)
            axis.set(xlabel=f"% of the picture {words}")
        axes[0].set(ylabel="PSNR of the output (dB)", title="deletion")
        axes[1].set(title="insertion")
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside right center")
        figure.suptitle(title, fontsize=12, parse_math=False)
    return figure


def _three_panels(shape) -> tuple[Figure, np.ndarray]:
    aspect = shape[0] / shape[1]
    figure = Figure(figsize=(15, float(np.clip(4.6 * aspect + 1, 3.2, 9))), layout="constrained")
    return figure, figure.subplots(1, 3)


def _label(figure: Figure, axes: np.ndarray, title: str, caption: str) -> None:
    for axis in axes:
        _without_ticks(axis)
    figure.suptitle(title, fontsize=13, parse_math=False)  # a file name may hold dollar signs
    if caption:
        figure.supxlabel(caption, fontsize=10, parse_math=False)


def _without_ticks(axis: Axes) -> None:
    axis.set(xticks=[], yticks=[])
    axis.grid(visible=False)
    axis.spines[:].set_visible(False)
