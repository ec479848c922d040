"""What a denoiser looks at: activation maps, and the input pixels that an output pixel came from."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "cam": ["EigenCAM", "GradCAM", "KPCACAM"],
        "named_layers": ["layers_worth_looking_at"],
        "influence": ["effective_receptive_field", "pixel_influence"],
        "overlay": ["overlay_heatmap", "threshold_heatmap"],
        "targets": ["error_against", "output_mean", "output_norm", "region_mean"],
    },
)
