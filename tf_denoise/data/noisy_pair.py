"""A picture with and without noise: what a denoiser is judged on."""

from collections.abc import Callable

import numpy as np

LEAST_SIDE = 4
"""Shortest side of a picture that every measure can look at."""


class NoisyPair:
    """A picture with and without noise.

    Args:
        name: What it is called in tables and figures.
        clean: float32 `(height, width, channels)` in [0, 1].
        noisy: float32 of the same shape, not clipped, or a function that makes it whenever it is asked for: a picture
            at many levels of noise is then held once.
        level: Standard deviation of the noise in 255ths, where it has one that is known.

    Raises:
        ValueError: If the two differ in shape or are no images of at least 4 x 4 pixels.

    Example:
        >>> NoisyPair("grey", np.full((8, 8, 1), 0.5, "float32"), np.full((8, 8, 1), 0.7, "float32")).megapixels
        6.4e-05
    """

    def __init__(
        self,
        name: str,
        clean: np.ndarray,
        noisy: np.ndarray | Callable[[], np.ndarray],
        level: float | None = None,
    ):
        self.name, self.clean, self.level = name, clean, level
        self._noisy = noisy
        shapes = [np.shape(clean), np.shape(clean) if callable(noisy) else np.shape(noisy)]
        if shapes[0] != shapes[1] or len(shapes[0]) != 3 or min(shapes[0][:2]) < LEAST_SIDE:
            raise ValueError(
                f"A picture is clean and noisy pixels of one shape (height, width, channels), at least {LEAST_SIDE} x "
                f"{LEAST_SIDE}; {self.name} has {shapes[0]} and {shapes[1]}."
            )

    @property
    def noisy(self) -> np.ndarray:
        """The picture with its noise, the same whenever it is asked for."""
        return self._noisy() if callable(self._noisy) else self._noisy

    @property
    def megapixels(self) -> float:
        """Its size in millions of pixels."""
        return self.clean.shape[0] * self.clean.shape[1] / 1e6
