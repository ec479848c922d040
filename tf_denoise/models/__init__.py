"""The networks."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "autoencoder": ["DenseAutoencoder"],
        "classifier": ["DigitClassifier"],
        "cost": ["multiply_adds_per_pixel"],
        "unet": ["UNet"],
        "vit_unet": ["ViTUNet", "load_vit", "small_vit"],
    },
)
