"""`python -m tf_denoise denoise`: picture files through a trained network."""

import dataclasses
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro
from pydantic import Field

from tf_denoise.commands.exits import STOPPED, status_of
from tf_denoise.commands.options import checked
from tf_denoise.commands.startup import start_tensorflow
from tf_denoise.errors import InputError
from tf_denoise.extras import check_installed

if TYPE_CHECKING:
    import keras

    from tf_denoise.commands.denoise_files import Job
    from tf_denoise.commands.denoise_stacks import StackOptions
    from tf_denoise.runs.loading import LoadedNetwork
    from tf_denoise.tiling import TiledDenoiser


@dataclasses.dataclass(frozen=True)
class Denoise:
    """Denoise picture files, stacks of planes, and folders of them, of any size.

    Format, axes, bit depth, orientation, colour profile and transparency stay; originals are never overwritten. The
    exit status is 1 when some pictures failed, 2 when nothing could be done, 130 after Ctrl-C.
    """

    inputs: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="IN...")]
    """Pictures (PNG, JPEG, BMP, TIFF), stacks (multi-page, ImageJ and OME TIFF; Zarr and OME-Zarr, each plane denoised
    by itself), and folders of them, nested too."""
    output: Path
    """The folder to write to, under the names of the pictures."""
    model: str = "photographs"
    """A preset (photographs), a run folder, or a .keras file. ./photographs is a folder of that name."""
    network: str | None = None
    """Which network of the run; defaults to the best by validation."""
    strength: Annotated[float, Field(ge=0, le=1)] = 1.0
    """How much of the noise is taken away: 1 all that the network finds, 0 none, between them a blend with the noisy
    picture."""
    ensemble: Literal[1, 8] = 1
    """8 denoises the eight flips and turns of each picture and takes their mean: a little better, in eight times the
    time."""
    mixed_precision: Literal["auto", "none", "bfloat16"] = "auto"
    """Data type that the network computes in; none is float32. auto times both where there is much to do, and takes
    bfloat16 where it saves a fifth."""
    adapt: Annotated[float | None, Field(ge=0.01, le=10_000)] = None
    """Minutes for which a copy of the network is trained on for each picture, from that noisy picture alone, before it
    is denoised. Takes noise of each pixel alone; a picture with other noise is denoised as it is, and told."""
    jobs: Annotated[int, Field(ge=1, le=1_000)] = 1
    """Pictures at the same time; each takes memory of its own."""
    tile: Annotated[int | None, Field(ge=16, le=100_000)] = None
    """Side of the tiles in pixels; chosen by itself where it is not given."""
    overlap: Annotated[int | None, Field(ge=0, le=100_000)] = None
    """Pixels that neighbouring tiles share; measured where it is not given."""
    quality: Annotated[int, Field(ge=1, le=100)] = 95
    """JPEG quality, 1 to 100."""
    planes: str | None = None
    """Of stacks: the planes that are taken, such as 10:20, counted from 0 along all axes but that of channels; the
    output holds these alone."""
    channel: Annotated[int | None, Field(ge=0, le=100_000)] = None
    """Of stacks: the channel that is taken, counted from 0."""
    value_range: (
        tuple[Annotated[float, Field(ge=-1e12, le=1e12)], Annotated[float, Field(ge=-1e12, le=1e12)]] | None
    ) = None
    """Of stacks: the values of black and white. Defaults to the range of an integer type, and to percentiles of some
    planes for floating point."""
    axes: str | None = None
    """Of Zarr arrays that do not name their axes: a letter for each, such as TYX."""
    fill_missing: bool = False
    """Take chunks that a Zarr array lacks for ones that hold its fill value; otherwise it is refused."""
    report: bool = False
    """Write OUTPUT/report.html: pictures before and after, the noise that was found, how good the result is by
    estimate, and a warning wherever that cannot be trusted; report.json holds the same for programs."""
    overwrite: bool = False
    """Do pictures again whose name stands in the output already; otherwise these are left as they are."""


@dataclasses.dataclass(frozen=True)
class _Plan:
    """What there is to do: pictures to denoise, those whose outputs stand already, what cannot be read, and stacks."""

    jobs: "list[Job]"
    standing: "list[Job]"
    problems: list[str]
    stacks: "StackOptions"

    @property
    def count(self) -> int:
        return len(self.jobs) + len(self.problems)

    @property
    def megapixels(self) -> float:
        return sum(job.megapixels for job in self.jobs)


@dataclasses.dataclass(frozen=True)
class _Network:
    """A network that was loaded, as it computes: in a data type of its own, by tiles."""

    loaded: "LoadedNetwork"
    model: "keras.Model"
    dtype: str
    make: "Callable[[keras.Model], TiledDenoiser]"
    denoiser: "TiledDenoiser"


def denoise(options: Denoise) -> int:
    """Denoise pictures; the exit status.

    Raises:
        InputError: If the model or the output folder is not what it should be.
    """
    checked(options)
    if options.adapt is not None and options.jobs > 1:
        raise InputError("--adapt trains for one picture at a time; leave --jobs out.")
    if options.adapt is not None and options.mixed_precision == "bfloat16":
        raise InputError("--adapt trains and denoises in float32; leave --mixed-precision out.")
    if not options.inputs:
        raise InputError("Name the pictures to denoise, or folders of them.")
    from tf_denoise.commands.denoise_files import check_output, check_page, page_shows

    plan = _plan(options)
    if plan.standing and not plan.jobs and (not options.report or page_shows(options.output, plan.standing)):
        return status_of(len(plan.standing), len(plan.problems))
    if options.report:
        check_installed("jinja2")
        check_page(options.output)
    check_output(options.output)
    start_tensorflow()  # once the arguments are known to be good
    return _denoise(options, plan, _load(options, plan.megapixels))


def _plan(options: Denoise) -> _Plan:
    """Look at the inputs, and say what cannot be read and what is left as it is."""
    from tf_denoise.commands.denoise_files import plan_jobs
    from tf_denoise.commands.denoise_stacks import stack_options

    stacks = stack_options(options.planes, options.channel, options.value_range, options.axes, options.fill_missing)
    jobs, problems = plan_jobs(options.inputs, options.output, stacks)
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    has_stacks = any(job.planes is not None for job in jobs)
    if stacks.given and jobs and not has_stacks:
        raise InputError(f"{stacks.given[0]} goes with stacks, and none of the inputs is one; leave it out.")
    of_zarr = [word for word, given in (("--axes", options.axes), ("--fill-missing", options.fill_missing)) if given]
    if of_zarr and jobs and not problems and not any(os.path.isdir(job.source) for job in jobs):
        raise InputError(f"{of_zarr[0]} goes with Zarr, and none of the inputs is of it; leave it out.")
    if options.adapt is not None and has_stacks:
        raise InputError("--adapt trains a network for each picture, and stacks have too many planes; leave it out.")
    if not jobs:
        raise InputError(
            f"Nothing was denoised: none of the inputs holds a picture that can be ({len(problems)} failed)."
        )
    standing = [] if options.overwrite else [job for job in jobs if os.path.exists(job.target)]
    if standing:
        print(
            f"{len(standing)} of {len(jobs) + len(problems)} pictures have their name in {options.output} already and "
            "are left as they are; --overwrite does them again."
        )
    left = set(standing)
    return _Plan([job for job in jobs if job not in left], standing, problems, stacks)


def _load(options: Denoise, megapixels: float) -> _Network:
    """The network that is asked for, checked to take pictures with these options."""
    from tf_denoise.runs.loading import load_for_use
    from tf_denoise.tiling import TiledDenoiser
    from tf_denoise.tiling.precision import choose_precision

    loaded = load_for_use(options.model, options.network)
    precision = options.mixed_precision if options.adapt is None else "none"
    model, dtype = choose_precision(loaded.model, precision, options.ensemble * megapixels)

    def make(network: "keras.Model") -> TiledDenoiser:
        return TiledDenoiser(
            network, options.tile, options.overlap, strength=options.strength, ensemble=options.ensemble
        )

    try:
        denoiser = make(model)
        denoiser.check_tiles()
    except ValueError as error:
        raise InputError(f"{options.model} cannot denoise these pictures so. {error}") from None
    if denoiser.channels not in (1, 3):
        raise InputError(
            f"{options.model} takes pictures of {denoiser.channels} channels; files have 1 (grey) or 3 (colour)."
        )
    return _Network(loaded, model, dtype, make, denoiser)


def _denoise(options: Denoise, plan: _Plan, network: _Network) -> int:
    """Denoise what is planned, write the page where it is asked for, and say what came of it; the exit status."""
    from tf_denoise.commands.adapting import AdaptingDenoiser
    from tf_denoise.commands.denoise_files import denoise_files
    from tf_denoise.commands.denoise_report import Report, write_report
    from tf_denoise.pictures.files import shown

    loaded, dtype = network.loaded, network.dtype
    adapting = None if options.adapt is None else AdaptingDenoiser(network.model, options.adapt, network.make)
    report = (
        Report(options.output, loaded, dtype, options.strength, options.ensemble, options.adapt)
        if options.report
        else None
    )

    def observe(job, noisy, denoised) -> list[str]:
        remarks = [] if adapting is None else [f"{shown(job.source)}: {adapting.note}"]
        if report is not None and (problem := report.shows(job, noisy, denoised, adapting)):
            remarks.append(problem)
        return remarks

    result = denoise_files(
        plan.jobs,
        adapting or network.denoiser,
        loaded.trained_range,
        options.quality,
        options.jobs,
        observe=observe,
        stacks=plan.stacks,
    )
    result.problems = plan.problems + result.problems
    if plan.jobs:
        rate = result.megapixels / max(result.seconds, 1e-9)
        print(
            f"{result.done} of {plan.count} pictures denoised by {loaded.name} in {dtype}, "
            f"{result.megapixels:.2f} megapixels at {rate:.2f} megapixels per second: {options.output}"
        )
    if report is not None and (result.done or plan.standing):
        write_report(report, plan.standing, result)
    if result.stopped:
        print("Stopped. Each file in the output folder is whole.", file=sys.stderr)
        return STOPPED
    if result.problems:
        print(f"error: {len(result.problems)} failed; the reasons stand above.", file=sys.stderr)
    return status_of(result.done + len(plan.standing), len(result.problems))
