"""Use of a trained network: `python -m tf_denoise denoise` and `python -m tf_denoise export`."""

import dataclasses
import sys
from pathlib import Path
from typing import Annotated, Literal

import tyro

from tf_denoise.errors import InputError, exit_on_input_error
from tf_denoise.startup import start_tensorflow


@dataclasses.dataclass(frozen=True)
class Denoise:
    """Denoise picture files and folders of them, of any size.

    Format, bit depth, orientation, colour profile and transparency stay; originals are never overwritten. The exit
    status is 1 when some pictures failed, 2 when nothing could be done.
    """

    inputs: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="IN...")]
    """Pictures (PNG, JPEG, BMP, TIFF), and folders of them, nested too."""
    model: Path
    """A run folder, or a .keras file."""
    output: Path
    """The folder to write to, under the names of the pictures."""
    network: str | None = None
    """Which network of the run; the best by validation unless told."""
    jobs: int = 1
    """Pictures at the same time; each takes memory of its own."""
    tile: int | None = None
    """Side of the tiles in pixels; chosen unless told."""
    overlap: int | None = None
    """Pixels that neighbouring tiles share; measured unless told."""
    quality: int = 95
    """JPEG quality, 1 to 100."""
    overwrite: bool = False
    """Do pictures again whose name stands in the output already; otherwise these are left as they are."""


@dataclasses.dataclass(frozen=True)
class Export:
    """Export a trained network: a SavedModel for TensorFlow Serving, an ONNX file or a LiteRT file."""

    run: Annotated[Path, tyro.conf.Positional]
    """A run folder, or a .keras file."""
    path: Annotated[Path, tyro.conf.Positional]
    """savedmodel: the folder of the versions (the first becomes PATH/1). onnx, litert: the file."""
    format: Literal["savedmodel", "onnx", "litert"] = "savedmodel"
    """savedmodel and onnx take pictures of any size, litert those of one size."""
    size: tuple[int, int] | None = None
    """litert: height and width of the pictures."""
    network: str | None = None
    """Which network of the run; the best by validation unless told."""
    max_megapixels: float = 25.0
    """savedmodel: larger PNG and JPEG pictures are not decoded."""


def denoise(options: Denoise) -> int:
    """Denoise pictures; the exit status.

    Raises:
        InputError: If the model or the output folder is not what it should be.
    """
    if not options.inputs:
        raise InputError("Name the pictures to denoise, or folders of them.")
    _check(options.jobs, "--jobs", 1, 1_000)
    _check(options.quality, "--quality", 1, 100)
    for name in ("tile", "overlap"):
        if getattr(options, name) is not None:
            _check(getattr(options, name), f"--{name}", 16 if name == "tile" else 0, 100_000)
    from tf_denoise.denoise_files import check_output, denoise_files, plan_jobs

    jobs, problems = plan_jobs(options.inputs, options.output)
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    there = [] if options.overwrite else [job for job in jobs if job.target.exists()]
    if there:
        print(
            f"{len(there)} of {len(jobs) + len(problems)} pictures have their name in {options.output} already and are "
            "left as they are; --overwrite does them again."
        )
        jobs = [job for job in jobs if job not in there]
        if not jobs:
            return 1 if problems else 0
    if not jobs:
        raise InputError(
            f"Nothing was denoised: none of the inputs holds a picture that can be ({len(problems)} failed)."
        )
    check_output(options.output)
    start_tensorflow()  # once the arguments are known to be good
    from tf_denoise.loading import load_for_use
    from tf_denoise.tiling import TiledDenoiser

    loaded = load_for_use(options.model, options.network)
    try:
        denoiser = TiledDenoiser(loaded.model, options.tile, options.overlap)
        denoiser.check_tiles()
    except ValueError as error:
        raise InputError(f"{options.model} cannot denoise pictures with these options. {error}") from None
    if denoiser.channels not in (1, 3):
        raise InputError(
            f"{options.model} takes pictures of {denoiser.channels} channels; files have 1 (grey) or 3 (colour)."
        )
    result = denoise_files(jobs, denoiser, loaded.trained_range, options.quality, options.jobs)
    result.problems = problems + result.problems
    rate = result.megapixels / max(result.seconds, 1e-9)
    print(
        f"{result.done} of {len(jobs) + len(problems)} pictures denoised by {loaded.name}, {result.megapixels:.2f} "
        f"megapixels at {rate:.2f} megapixels per second: {options.output}"
    )
    if result.stopped:
        print("Stopped. Each file in the output folder is whole.", file=sys.stderr)
    elif result.problems:
        print(f"error: {len(result.problems)} failed; the reasons stand above.", file=sys.stderr)
    return result.status


def export(options: Export) -> int:
    """Export a network; the exit status.

    Raises:
        InputError: If the model, the path or an option is not what it should be.
    """
    if (options.format == "litert") != (options.size is not None):
        raise InputError("--size HEIGHT WIDTH goes with --format litert, which takes pictures of one size.")
    _check(options.max_megapixels, "--max-megapixels", 0.01, 1_000)
    start_tensorflow()
    from tf_denoise.export import CARD_FILE, export_for_serving, export_litert, export_onnx, has_warm_up
    from tf_denoise.loading import load_for_use

    loaded = load_for_use(options.run, options.network)
    if options.format == "savedmodel":
        written = export_for_serving(loaded.model, options.path, loaded, int(1e6 * options.max_megapixels))
        print(f"{loaded.name}: {written}, described in {written / CARD_FILE}")
        if not has_warm_up():
            print("It has no warm-up requests: they need pip install tensorflow-serving-api.")
    elif options.format == "onnx":
        print(f"{loaded.name}: {export_onnx(loaded.model, options.path)}")
    else:
        print(f"{loaded.name}: {export_litert(loaded.model, options.path, *options.size)}")
    return 0


def _check(value: float, name: str, least: float, most: float) -> None:
    if not least <= value <= most:
        raise InputError(f"{name} lies in {least}..{most}; received {value:g}.")


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    options = tyro.cli(
        Annotated[Denoise, tyro.conf.subcommand("denoise")] | Annotated[Export, tyro.conf.subcommand("export")],
        args=arguments,
        prog="python -m tf_denoise",
        description="Use a trained network.",
    )
    with exit_on_input_error():
        status = denoise(options) if isinstance(options, Denoise) else export(options)
    if status:
        raise SystemExit(status)


if __name__ == "__main__":
    main()
