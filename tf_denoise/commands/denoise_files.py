"""What `python -m tf_denoise denoise` does: picture files in, picture files of the same kind out."""

import contextlib
import dataclasses
import functools
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import numpy as np
import rich.console
import rich.progress

from tf_denoise.commands.denoise_stacks import ALL_PLANES, StackOptions, chosen_planes, denoise_stack, inspect_sources
from tf_denoise.commands.exits import STOPPED, status_of
from tf_denoise.errors import InputError, as_sentence, printable, reason
from tf_denoise.pages.page import JSON_FILE, PAGE_FILE
from tf_denoise.paths import real_path
from tf_denoise.pictures.files import (
    DECODABLE,
    FORMATS,
    PictureError,
    find_pictures,
    read_picture,
    shown,
    write_picture,
)
from tf_denoise.pictures.planes import Chosen, count_of
from tf_denoise.pictures.remarks import lost_remark, noise_remark
from tf_denoise.pictures.stacks import is_zarr
from tf_denoise.runs.folder import CONFIG_FILE
from tf_denoise.runs.writing import writable_folder


@dataclasses.dataclass(frozen=True)
class Job:
    """A picture or a stack to denoise.

    Attributes:
        source: The file to read; of a Zarr array its folder.
        target: The file to write.
        megapixels: Its size.
        planes: The planes of a stack that are taken, or `None` of a picture.
    """

    source: Path
    target: Path
    megapixels: float
    planes: Chosen | None = None


@dataclasses.dataclass
class Result:
    """What became of the pictures.

    Attributes:
        done: Files written.
        problems: A sentence for each picture or folder that could not be done.
        megapixels: Size of all that was done.
        seconds: Time it took.
        stopped: Whether Ctrl-C ended it.
    """

    done: int = 0
    problems: list[str] = dataclasses.field(default_factory=list)
    megapixels: float = 0.0
    seconds: float = 0.0
    stopped: bool = False

    @property
    def status(self) -> int:
        """The exit status, as `tf_denoise.commands.exits` has them."""
        return STOPPED if self.stopped else status_of(self.done, len(self.problems))


class _Stopped(Exception):
    """Ctrl-C was pressed."""


def plan_jobs(inputs: Sequence[Path], output: Path, stacks: StackOptions = ALL_PLANES) -> tuple[list[Job], list[str]]:
    """What to do: files go to `OUTPUT/NAME`, those of a folder to `OUTPUT/PATH-IN-IT`.

    With several inputs a folder's files go below `OUTPUT/FOLDER`. Pictures that lie in the output are no input.

    Args:
        inputs: Files and folders.
        output: The folder to write to.
        stacks: What is said of stacks.

    Returns:
        The jobs, and a sentence for each input that is none.
    """
    jobs, problems, taken = [], [], {}
    real = _resolver()
    named = {}  # once each, by the first name
    for source, place in _sources(inputs, output, real, problems):
        named.setdefault(real(source), (source, place))
    sources = list(named.values())
    originals = {real(source) for source, _ in sources}
    inspected = inspect_sources([source for source, _ in sources], stacks)
    for (source, place), header in zip(sources, inspected, strict=True):
        target = output / place
        try:
            if isinstance(header, PictureError):
                raise header
            if _is_same(source, target):
                raise PictureError(source, "would be overwritten; choose another --output: originals stay as they are")
            if real(target) in originals:
                reason = f"would be written over {shown(target)}, another original; choose another --output"
                raise PictureError(source, reason)
            if target in taken:
                reason = f"and {shown(taken[target])} would both be written to {shown(target)}; rename one"
                raise PictureError(source, reason)
            planes = None if header.planes is None else chosen_planes(source, stacks)
        except PictureError as error:
            problems.append(str(error))
            continue
        taken[target] = source
        count = 1 if planes is None else count_of(planes)
        jobs.append(Job(source, target, count * header.height * header.width / 1e6, planes))
    return jobs, problems


def _resolver() -> Callable[[Path], Path]:
    """A function that gives a path without links; of many files in one folder the folder is looked up once."""
    real_folder = functools.cache(real_path)
    return lambda path: real_path(path) if os.path.islink(path) else real_folder(path.parent) / path.name


def _sources(inputs: Sequence[Path], output: Path, real: Callable, problems: list) -> Iterator[tuple[Path, Path]]:
    """Each file, and its place in the output folder."""
    real_output = real_path(output)
    for path in inputs:
        if not os.path.isdir(path) or is_zarr(path):
            yield path, Path(real_path(path).name if os.path.isdir(path) else path.name)
            continue
        try:
            found = find_pictures(path, stacks=True)
        except InputError as error:
            problems.append(str(error))
            continue
        if not real_path(path).is_relative_to(real_output):
            found = [file for file in found if not real(file).is_relative_to(real_output)]
        if not found:
            problems.append(f"{shown(path)} holds no picture; expected files that end in {', '.join(FORMATS)}.")
        below = Path(real_path(path).name) if len(inputs) > 1 else Path()
        yield from ((file, below / file.relative_to(path)) for file in found)


def _is_same(source: Path, target: Path) -> bool:
    return os.path.exists(target) and os.path.samefile(source, target)


def page_shows(output: Path, jobs: Sequence[Job]) -> bool:
    """Whether a report stands in the output, and shows what became of all these pictures."""
    try:
        stored = json.loads((output / JSON_FILE).read_text(encoding="utf-8"))
        shown_there = {picture["output"] for picture in stored["pictures"]}
    except (OSError, ValueError, KeyError, TypeError):
        return False
    places = {printable(job.target.relative_to(output).as_posix()) for job in jobs}
    return os.path.isfile(output / PAGE_FILE) and places <= shown_there


def check_page(output: Path) -> None:
    """Refuse to write a report into the folder of a run, which has one of its own, or over that of somebody else.

    Raises:
        InputError: If it would be.
    """
    if _is_run(output):
        raise InputError(f"{output} is a run folder, which has a report of its own; choose another --output.")
    if os.path.exists(output / PAGE_FILE) and not os.path.exists(output / JSON_FILE):
        raise InputError(
            f"{output / PAGE_FILE} is not a report of this command, and --report would write over it; choose another "
            "--output."
        )


def _is_run(folder: Path) -> bool:
    try:
        return "command" in json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return False


def check_output(output: Path) -> None:
    """Refuse a folder that cannot be written. What does not exist is made by the first file that is written to it.

    Raises:
        InputError: If it cannot.
    """
    missing = [folder for folder in (output, *output.parents) if not os.path.exists(folder)]
    writable_folder(output)
    for folder in missing:
        with contextlib.suppress(OSError):  # another process writes there by now
            folder.rmdir()


def denoise_files(
    jobs: Sequence[Job],
    denoise: Callable,
    trained_range: tuple[float, float] | None = None,
    quality: int = 95,
    threads: int = 1,
    console: rich.console.Console | None = None,
    observe: Callable[[Job, np.ndarray, np.ndarray], Sequence[str]] | None = None,
    stacks: StackOptions = ALL_PLANES,
) -> Result:
    """Denoise pictures and write them, each file whole or not at all.

    Args:
        jobs: As `plan_jobs` gives them.
        denoise: A `TiledDenoiser`, or what is called like one.
        trained_range: Least and largest deviation of the noise of the training, in 255ths; a picture whose noise lies
            outside is named.
        quality: JPEG quality.
        threads: Pictures at the same time.
        console: Where progress and remarks go.
        observe: Called with each job that is done, its noisy pixels and the denoised ones, in several threads; of a
            stack with those of its middle plane. Gives remarks.
        stacks: What is said of stacks.
    """
    console = console or rich.console.Console(stderr=True)
    result, stop, started = Result(), threading.Event(), time.monotonic()
    total = sum(job.megapixels for job in jobs)
    with _progress(console, total) as progress, ThreadPoolExecutor(threads) as pool:
        task = progress.add_task("Denoising", total=total)

        def advance(pixels: int) -> None:
            if stop.is_set():
                raise _Stopped
            progress.advance(task, pixels / 1e6)

        def work(job: Job) -> list[str]:
            if stop.is_set():
                raise _Stopped
            remarks: list[str | None] = []
            if job.planes is not None:
                found = denoise_stack(job.source, job.target, job.planes, stacks, denoise, advance)
                remarks, noisy, denoised, lost = [*found.remarks], found.noisy, found.denoised, found.lost
            else:
                picture = read_picture(job.source, DECODABLE)
                noisy, lost = picture.values, picture.lost
                denoised = denoise(noisy, on_progress=advance)
                write_picture(job.target, denoised, picture, quality)
            if observe is not None:
                remarks += observe(job, noisy, denoised)
            remarks += [noise_remark(job.source, noisy, trained_range), lost_remark(job.source, lost)]
            return [remark for remark in remarks if remark]

        futures = {pool.submit(work, job): job for job in jobs}
        try:
            for future in as_completed(futures):
                _take(futures[future], future, result, console, is_quiet=not console.is_terminal, started=started)
        except KeyboardInterrupt:
            stop.set()
            result.stopped = True
            pool.shutdown(cancel_futures=True)  # those at work end at their next tile
    result.seconds = time.monotonic() - started
    return result


def _take(job: Job, future, result: Result, console, is_quiet: bool, started: float) -> None:
    """Note what became of a job."""
    try:
        remarks = future.result()
    except PictureError as error:
        problem = str(error)
    except (ValueError, MemoryError) as error:
        problem = as_sentence(f"{shown(job.source)} cannot be denoised: {str(error) or 'there is not enough memory.'}")
    except OSError as error:
        problem = f"{shown(job.target)} cannot be written: {error.strerror or error}."
    except Exception as error:  # whatever it is, the other pictures are still done
        problem = f"{shown(job.source)} cannot be denoised: {type(error).__name__}: {reason(error)}."
    else:
        result.done += 1
        result.megapixels += job.megapixels
        for remark in remarks:
            console.print(f"note: {remark}", markup=False, highlight=False, soft_wrap=True)
        if is_quiet:
            rate = result.megapixels / (time.monotonic() - started)
            line = f"{shown(job.target)}: {job.megapixels:.2f} megapixels; {rate:.2f} megapixels per second"
            console.print(line, markup=False, highlight=False, soft_wrap=True)
        return
    result.problems.append(problem)
    console.print(f"error: {problem}", markup=False, highlight=False, soft_wrap=True)


@contextlib.contextmanager
def _progress(console, total: float) -> Iterator[rich.progress.Progress]:
    """A bar in megapixels, where there is a terminal to draw it on."""

    class Rate(rich.progress.ProgressColumn):
        def render(self, task):
            speed = task.finished_speed or task.speed
            return f"{task.completed:.1f} of {total:.1f} MP, {speed or 0:.2f} MP/s"

    columns = (
        rich.progress.TextColumn("{task.description}"),
        rich.progress.BarColumn(),
        Rate(),
        rich.progress.TimeRemainingColumn(),
    )
    with rich.progress.Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        yield progress
