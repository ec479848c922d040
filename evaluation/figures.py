"""What the figures of all reports share: colours, style, and how they are saved. None touches global plotting state."""

import io
from contextlib import AbstractContextManager
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from tf_denoise.runs.writing import atomic_path

# Okabe and Ito's colours, which the common kinds of colour blindness keep apart; markers tell them apart once more.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
STYLE = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "savefig.dpi": 110,
}
INPUT_STYLE = {"color": "0.6", "linestyle": ":", "marker": ""}
"""The line of the noisy input."""
REFERENCE_STYLE = {"color": "black", "linestyle": "-", "marker": "x", "linewidth": 2}
"""The line of the network that all others are held against."""


def numbered_style(index: int) -> dict:
    """Colour and marker of one of several networks."""
    return {"color": COLOURS[index % 5], "marker": MARKERS[index % len(MARKERS)], "linestyle": "-"}


def styled() -> AbstractContextManager[None]:
    """The style of all figures, for the length of a `with` block."""
    return matplotlib.rc_context(STYLE)


def save_figure(figure: Figure, path: Path) -> bytes:
    """Write a figure as PNG and return its bytes."""
    buffer = io.BytesIO()
    with styled():
        figure.savefig(buffer, format="png", bbox_inches="tight")
    with atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getvalue())
    return buffer.getvalue()
