"""Every loss, under arguments that suit small images, and images for them."""

import numpy as np

from tf_denoise.losses import (
    FrequencySharpnessLoss,
    RegionalSharpnessLoss,
    WaveletSharpnessLoss,
    WeightedSumLoss,
    WindowedFrequencyLoss,
)

LOSSES = {
    "regional": lambda **kwargs: RegionalSharpnessLoss(window_size=8, step_size=3, **kwargs),
    "frequency, plain": lambda **kwargs: FrequencySharpnessLoss(high_freq_weight=0.0, **kwargs),
    "frequency, weighted": lambda **kwargs: FrequencySharpnessLoss(high_freq_weight=2.0, **kwargs),
    "windowed frequency": lambda **kwargs: WindowedFrequencyLoss(window_size=8, step_size=3, **kwargs),
    "wavelet haar": lambda **kwargs: WaveletSharpnessLoss("haar", levels=3, **kwargs),
    "wavelet db2": lambda **kwargs: WaveletSharpnessLoss("db2", levels=2, scale=0.5, **kwargs),
    "weighted sum": lambda **kwargs: WeightedSumLoss(
        [(0.8, "mse"), (0.2, FrequencySharpnessLoss()), (0.1, RegionalSharpnessLoss(window_size=8))], **kwargs
    ),
}


def random_pair(shape=(3, 17, 22, 3), seed=0, dtype="float32"):
    """Target and output of independent uniform pixels."""
    rng = np.random.default_rng(seed)
    return rng.random(shape).astype(dtype), rng.random(shape).astype(dtype)
