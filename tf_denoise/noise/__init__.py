"""Noise as stateless functions and as Keras layers, the strengths that images get, and how much noise a picture has."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
