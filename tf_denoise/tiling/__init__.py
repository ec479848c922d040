"""Pictures of any size through a network, by tiles."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "predict": ["TiledDenoiser", "denoise_image"],
        "reach": [],
        "geometry": [],
    },
)
