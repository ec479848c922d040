"""`python -m tf_denoise export`: a trained network for a server."""

import dataclasses
import sys
from pathlib import Path
from typing import Annotated, Literal

import tyro
from pydantic import Field

from tf_denoise.commands.options import checked
from tf_denoise.commands.startup import start_tensorflow
from tf_denoise.errors import InputError
from tf_denoise.extras import check_installed

Side = Annotated[int, Field(ge=1, le=100_000)]


@dataclasses.dataclass(frozen=True)
class Export:
    """Export a trained network: a SavedModel for TensorFlow Serving, an ONNX file or a LiteRT file."""

    run: Annotated[str, tyro.conf.Positional]
    """A preset (photographs), a run folder, or a .keras file."""
    path: Annotated[Path, tyro.conf.Positional]
    """savedmodel: the folder of the versions (the first becomes PATH/1). onnx, litert: the file."""
    format: Literal["savedmodel", "onnx", "litert"] = "savedmodel"
    """savedmodel and onnx take pictures of any size, litert those of one size."""
    size: tuple[Side, Side] | None = None
    """litert: height and width of the pictures."""
    network: str | None = None
    """Which network of the run; defaults to the best by validation."""
    max_megapixels: Annotated[float, Field(ge=0.01, le=1_000)] = 25.0
    """savedmodel: larger PNG and JPEG pictures are not decoded."""


def export(options: Export) -> int:
    """Export a network; the exit status.

    Raises:
        InputError: If the model, the path or an option is not what it should be.
    """
    checked(options)
    if (options.format == "litert") != (options.size is not None):
        raise InputError("--size HEIGHT WIDTH goes with --format litert, which takes pictures of one size.")
    if options.format == "onnx":
        check_installed("tf2onnx")
    start_tensorflow()
    from tf_denoise.commands.with_intervals import intervals_or_hint
    from tf_denoise.runs.loading import load_for_use
    from tf_denoise.serving.export import CARD_FILE, export_for_serving, export_litert, export_onnx, has_warm_up

    loaded = load_for_use(options.run, options.network)
    if options.format == "savedmodel":
        intervals, hint = intervals_or_hint(loaded, says_where_none_are=False)
        most = int(1e6 * options.max_megapixels)
        written = export_for_serving(loaded.model, options.path, loaded, most, intervals)
        print(f"{loaded.name}: {written}, described in {written / CARD_FILE}")
        if hint is not None:
            print(f"note: it has no signature denoise_with_interval. {hint}", file=sys.stderr)
        if not has_warm_up():
            print('It has no warm-up requests: they need pip install ".[export]" in a copy of tf_denoise.')
    elif options.format == "onnx":
        print(f"{loaded.name}: {export_onnx(loaded.model, options.path)}")
    else:
        print(f"{loaded.name}: {export_litert(loaded.model, options.path, *options.size)}")
    return 0
