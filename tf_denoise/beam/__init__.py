"""Batch work on Apache Beam: millions of pictures, on many machines. The extra `beam` brings it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
