"""Noise as stateless functions and as Keras layers, the strengths that images get, and how much noise a picture has."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "described": ["make_noise", "noise_in_words", "trained_range"],
        "estimate": ["estimate_sigma", "picture_sigma"],
        "gaussian": ["AdditiveGaussian", "PoissonGaussian", "additive_gaussian", "poisson_gaussian"],
        "salt_and_pepper": ["SaltAndPepper", "salt_and_pepper"],
        "strengths": ["PERCENT_LEVELS", "ConstantLevel", "MixedLevel", "MultiLevel", "level_schedule"],
    },
)
