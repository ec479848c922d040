"""What `python -m tf_denoise denoise --report` looks at, and the page that it writes."""

from pathlib import Path

import numpy as np

from tf_denoise.commands.denoise_files import Job
from tf_denoise.commands.with_intervals import intervals_or_hint
from tf_denoise.pages.denoised import DenoisedReport
from tf_denoise.pictures.files import shown
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
            ("Trained on noise of", _range_in_words(loaded.trained_range)),
            ("Computed in", dtype),
        ]
        if strength < 1:
            facts.append(("Strength", f"{strength:g}: a blend with the noisy picture"))
        if ensemble > 1:
            facts.append(("Ensemble", "the mean over eight flips and turns"))
        if adapted is not None:
            text = f"trained on for {adapted:g} minutes for each picture: the estimates of PSNR read a little too high"
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

    def add(self, job: Job, noisy: np.ndarray, denoised: np.ndarray, denoise=None) -> None:
        """Look at a picture; `denoise` is what made it, where that is another network for each."""
        found = assess(noisy, denoised, denoise or self.denoise, self.trained_range)
        half_width = None if self.intervals is None else self.intervals.half_width(noisy, denoised)
        name = shown(job.target.relative_to(self.page.folder))
        self.page.add(name, job.target, noisy, denoised, found, half_width)

    def write(self) -> Path:
        """Write the page."""
        return self.page.write()


def _range_in_words(trained_range: tuple[float, float] | None) -> str:
    if trained_range is None:
        return "unknown"
    low, high = trained_range
    return f"{low:g} (255ths)" if low == high else f"{low:g} to {high:.3g} (255ths)"
