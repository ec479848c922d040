"""Losses that bring back the sharpness which the mean squared error blurs away."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
