from .ablation import (
    TokenAblation as TokenAblation,
    mean_tokens as mean_tokens,
    tokens_in_place_of as tokens_in_place_of,
)
from .cam import (
    KPCACAM as KPCACAM,
    EigenCAM as EigenCAM,
    GradCAM as GradCAM,
)
from .influence import (
    effective_receptive_field as effective_receptive_field,
    pixel_influence as pixel_influence,
)
from .named_layers import (
    layers_worth_looking_at as layers_worth_looking_at,
)
from .overlay import (
    overlay_heatmap as overlay_heatmap,
    threshold_heatmap as threshold_heatmap,
)
from .targets import (
    error_against as error_against,
    output_mean as output_mean,
    output_norm as output_norm,
    region_mean as region_mean,
)
