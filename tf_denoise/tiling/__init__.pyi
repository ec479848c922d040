from .predict import (
    TiledDenoiser as TiledDenoiser,
    denoise_image as denoise_image,
)
