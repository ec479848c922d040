from .frequency_sharpness import (
    FrequencySharpnessLoss as FrequencySharpnessLoss,
    frequency_sharpness as frequency_sharpness,
    high_frequency_mask as high_frequency_mask,
)
from .regional_sharpness import (
    RegionalSharpnessLoss as RegionalSharpnessLoss,
    regional_sharpness as regional_sharpness,
    sharpness_scores as sharpness_scores,
)
from .sharpness_cache import (
    SharpnessCache as SharpnessCache,
    build_sharpness_cache as build_sharpness_cache,
    load_sharpness_cache as load_sharpness_cache,
)
from .wavelet import (
    WaveletSharpnessLoss as WaveletSharpnessLoss,
    wavelet_details as wavelet_details,
    wavelet_sharpness as wavelet_sharpness,
)
from .weighted_sum import (
    MemberMetric as MemberMetric,
    WeightedSumLoss as WeightedSumLoss,
    weighted_sum as weighted_sum,
)
from .windowed_frequency import (
    WindowedFrequencyLoss as WindowedFrequencyLoss,
    windowed_frequency as windowed_frequency,
)
