"""Losses that bring back the sharpness which the mean squared error blurs away."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "frequency_sharpness": ["FrequencySharpnessLoss", "frequency_sharpness", "high_frequency_mask"],
        "regional_sharpness": ["RegionalSharpnessLoss", "regional_sharpness", "sharpness_scores"],
        "sharpness_cache": ["SharpnessCache", "build_sharpness_cache", "load_sharpness_cache"],
        "wavelet": ["WaveletSharpnessLoss", "wavelet_details", "wavelet_sharpness"],
        "weighted_sum": ["MemberMetric", "WeightedSumLoss", "weighted_sum"],
        "windowed_frequency": ["WindowedFrequencyLoss", "windowed_frequency"],
    },
)
