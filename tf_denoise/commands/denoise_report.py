"""What `python -m tf_denoise denoise --report` looks at, and the page that it writes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tf_denoise.commands.denoise_files import Job
from tf_denoise.commands.with_intervals import intervals_or_hint
from tf_denoise.pages.denoised import DenoisedReport
from tf_denoise.pages.page import counted
from tf_denoise.pictures.files import DECODABLE, PictureError, read_picture, shown
from tf_denoise.runs.loading import LoadedNetwork
from tf_denoise.tiling import TiledDenoiser
from tf_denoise.uncertainty.assess import assess

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
            ("Trained on noise of", _noise_in_words(loaded)),
            ("Computed in", dtype),
        ]
        if strength < 1:
            facts.append(("Strength", f"{strength:g}: a blend with the noisy picture"))
        if ensemble > 1:
            facts.append(("Ensemble", "the mean over eight flips and turns"))
        if adapted is not None:
            minutes = f"{adapted:g} minute{'' if adapted == 1 else 's'}"
            text = (
                f"for {minutes} at the most the network was to be trained on for each picture, which says what came of "
                "it: where it was, the estimates of PSNR read a little too high"
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

    def add_standing(self, jobs: Sequence[Job]) -> list[str]:
        """Look at pictures that were denoised before: the page shows all that stand in the folder.

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
            except PictureError as error:
                problems.append(f"{error} The report leaves it out; --overwrite does it again.")
        if count:
            text = f"{counted(count, 'picture')}; their estimates suppose that this network made them"
            self.page.facts.append(("Denoised before", text))
        return problems

    def write(self) -> Path:
        """Write the page."""
        return self.page.write()


def _noise_in_words(loaded: LoadedNetwork) -> str:
    if loaded.noise_found is not None:
        return loaded.noise_found.in_words
    if loaded.trained_range is None:
        return "unknown"
    low, high = loaded.trained_range
    return f"{low:g} (255ths)" if low == high else f"{low:g} to {high:.3g} (255ths)"
