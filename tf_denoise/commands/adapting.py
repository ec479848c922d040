"""What `python -m tf_denoise denoise --adapt` denoises with: another network for each picture."""

from collections.abc import Callable

import keras
import numpy as np

from tf_denoise.errors import as_sentence
from tf_denoise.fitting.adapt import adapt
from tf_denoise.tiling import TiledDenoiser


class AdaptingDenoiser:
    """Trains a copy of a network on for each picture, then denoises it.

    A picture whose noise cannot be learned from is denoised by the network as it is. `note` says what became
    of each.

    Args:
        model: The network.
        minutes: How long to train for each picture.
        make: Makes a denoiser of a network.

    Attributes:
        current: What the last picture was denoised with.
        note: A sentence on what came of its training.
    """

    def __init__(self, model: keras.Model, minutes: float, make: Callable[[keras.Model], TiledDenoiser]):
        self.model, self.minutes, self.make = model, minutes, make
        self.plain = self.current = make(model)
        self.note = ""

    def __call__(self, image: np.ndarray, on_progress: Callable[[int], None] = lambda pixels: None) -> np.ndarray:
        """Denoise one picture; what `on_progress` raises ends the training too."""
        try:
            found = adapt(self.model, image, self.minutes, on_step=lambda: on_progress(0))
        except ValueError as error:
            self.note = f"Denoised as the network is. {as_sentence(str(error))}"
            self.current = self.plain
        else:
            before, after = (
                f"{'at least ' if value >= found.most else ''}{value:.2f}" for value in (found.before, found.after)
            )
            self.note = (
                f"Adapted in {found.steps:,} steps: estimated PSNR {before} to {after} dB, on the fifth of the picture "
                "that was not learned from."
            )
            self.current = self.make(found.model)
        return self.current(image, on_progress=on_progress)
