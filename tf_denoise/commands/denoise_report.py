"""What `python -m tf_denoise denoise --report` looks at, and the page that it writes."""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tf_denoise.commands.adapting import AdaptingDenoiser
from tf_denoise.commands.denoise_files import Job, Result
from tf_denoise.commands.with_intervals import intervals_or_hint
from tf_denoise.errors import reason
from tf_denoise.pages.denoised import DenoisedReport
from tf_denoise.pages.page import counted
from tf_denoise.pictures.files import DECODABLE, PictureError, read_picture, shown
from tf_denoise.runs.loading import LoadedNetwork
from tf_denoise.tiling import TiledDenoiser
from tf_denoise.uncertainty.assessment import assess

_BY_ITSELF = (
    "The map of intervals is left out: they are made for what the network gives by itself, without --strength, "
    "--ensemble and --adapt."
)


class Report:
    """Looks at each picture that is done, and writes the page.

    Args:
        output: The folder of the denoised pictures.
        loaded: The network.
        dtype: What it computed in, in words.
        strength: That of the denoising.
        ensemble: That of the denoising.
        adapted: Minutes for which it was trained on for each picture, or `None`.
    """

    def __init__(
        self,
        output: Path,
        loaded: LoadedNetwork,
        dtype: str,
        strength: float = 1.0,
        ensemble: int = 1,
        adapted: float | None = None,
    ):
        facts = [
            ("Network", loaded.name),
            ("Trained on", _noise_in_words(loaded)),
            ("Computed in", dtype),
        ]
        if strength < 1:
            facts.append(("Strength", f"{strength:g}: a blend with the noisy picture"))
        if ensemble > 1:
            facts.append(("Ensemble", "the mean over eight flips and turns"))
        if adapted is not None:
            minutes = f"{adapted:g} minute{'' if adapted == 1 else 's'}"
            text = (
                f"the network is trained on for {minutes} for each picture; a note with it says what came of that. "
                "Where it was, the estimates of PSNR read a little too high"
            )
            facts.append(("Adapted", text))
        if strength < 1 or ensemble > 1 or adapted is not None:
            self.intervals, hint = None, _BY_ITSELF
        else:
            self.intervals, hint = intervals_or_hint(loaded)
        if self.intervals is not None:
            facts.append(("Intervals", self.intervals.in_words))
        self.page = DenoisedReport(output, facts, hint)
        self.trained_range = loaded.trained_range
        # in float32, whatever the pictures are denoised in: a finite difference feels rounding
        self.denoise = TiledDenoiser(loaded.model, strength=strength, ensemble=ensemble)

    def add(self, job: Job, noisy: np.ndarray, denoised: np.ndarray, denoise=None, note: str | None = None) -> None:
        """Look at a picture.

        Args:
            job: Where it lies.
            noisy: Its pixels.
            denoised: What became of them.
            denoise: What made it, where that is another network for each picture.
            note: A sentence on how it was made.
        """
        found = assess(noisy, denoised, denoise or self.denoise, self.trained_range)
        half_width = None if self.intervals is None else self.intervals.half_width(noisy, denoised)
        name = shown(job.target.relative_to(self.page.folder))
        self.page.add(name, job.target, noisy, denoised, found, half_width, note)

    def shows(self, job: Job, noisy: np.ndarray, denoised: np.ndarray, adapting: AdaptingDenoiser | None) -> str | None:
        """Take in a picture that was just written; a sentence if that is not possible.

        Args:
            job: Where it lies.
            noisy: Its pixels.
            denoised: What became of them.
            adapting: What made it, where the network was trained on for it.
        """
        try:
            if adapting is None:
                self.add(job, noisy, denoised)
            else:
                self.add(job, noisy, denoised, adapting.current, adapting.note)
        except Exception as error:  # the picture is written all the same
            return f"{shown(job.target)} is written, but the report cannot show it: {reason(error)}."
        return None

    def add_standing(self, jobs: Sequence[Job]) -> list[str]:
        """Look at pictures that were denoised before, so that the page shows them, too.

        Args:
            jobs: Those pictures.

        Returns:
            A sentence for each that cannot be shown.
        """
        problems, count = [], 0
        for job in jobs:
            try:
                if job.planes is not None:
                    raise PictureError(job.source, "is a stack that was denoised before")
                noisy, denoised = (read_picture(path, DECODABLE).values for path in (job.source, job.target))
                if noisy.shape != denoised.shape or noisy.dtype != denoised.dtype:
                    raise PictureError(job.target, "is not what the original became: its pixels are of another kind")
                self.add(job, noisy, denoised)
                count += 1
            except Exception as error:  # the others are shown all the same
                why = str(error) if isinstance(error, PictureError) else f"{shown(job.target)}: {reason(error)}."
                problems.append(f"{why} The report leaves it out; --overwrite does it again.")
        if count:
            text = f"{counted(count, 'picture')}; their estimates suppose that this network made them"
            self.page.facts.append(("Denoised before", text))
        return problems

    def write(self) -> Path:
        """Write the page."""
        return self.page.write()


def write_report(report: Report, standing: Sequence[Job], result: Result) -> None:
    """Write the page of what was done, and of what stood there before; what cannot be is told, and noted as a problem.

    Args:
        report: What was looked at so far.
        standing: Pictures that were denoised before.
        result: What became of the others.
    """
    page = report.page.folder
    if standing and not result.stopped:
        print(f"Looking at {counted(len(standing), 'picture')} that stood there before.")
    try:
        problems = [] if result.stopped else report.add_standing(standing)
    except KeyboardInterrupt:
        result.stopped = True
    if standing and result.stopped:  # a page without these would take the place of one that may show them
        print(f"No report was written: it takes all pictures in {page}. Repeat the command to go on.", file=sys.stderr)
        return
    for problem in problems:
        print(f"note: {problem}", file=sys.stderr)
    try:
        print(f"Report: {report.write()}")
    except OSError as error:
        result.problems.append(f"The report in {page} cannot be written: {error.strerror or error}.")
        print(f"error: {result.problems[-1]}", file=sys.stderr)


def _noise_in_words(loaded: LoadedNetwork) -> str:
    if loaded.noise_found is not None:
        return loaded.noise_found.in_words
    if loaded.trained_range is None:
        return "unknown"
    low, high = loaded.trained_range
    return f"Noise of {low:g} (255ths)" if low == high else f"Noise of {low:g} to {high:.3g} (255ths)"
