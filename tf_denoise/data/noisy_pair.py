"""A picture with and without noise: what a denoiser is judged on."""

import dataclasses

import numpy as np

LEAST_SIDE = 4
"""Shortest side of a picture that every measure can look at."""


@dataclasses.dataclass(frozen=True)
class NoisyPair:
    """A picture with and without noise.

    Attributes:
        name: What it is called in tables and figures.
        clean: float32 `(height, width, channels)` in [0, 1].
        noisy: float32 of the same shape, not clipped.

    Raises:
        ValueError: If the two differ in shape or are no images of at least 4 x 4 pixels.

    Example:
        >>> NoisyPair("grey", np.full((8, 8, 1), 0.5, "float32"), np.full((8, 8, 1), 0.7, "float32")).megapixels
        6.4e-05
    """

    name: str
    clean: np.ndarray
    noisy: np.ndarray

    def __post_init__(self):
        """Check the shapes."""
        shape = np.shape(self.clean)
        if shape != np.shape(self.noisy) or len(shape) != 3 or min(shape[:2]) < LEAST_SIDE:
            raise ValueError(
                f"A picture is clean and noisy pixels of one shape (height, width, channels), at least {LEAST_SIDE} x "
                f"{LEAST_SIDE}; {self.name} has {shape} and {np.shape(self.noisy)}."
            )

    @property
    def megapixels(self) -> float:
        """Its size in millions of pixels."""
        return self.clean.shape[0] * self.clean.shape[1] / 1e6
