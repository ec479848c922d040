"""Batch work on Apache Beam: millions of pictures, on many machines. The extra `beam` brings it."""

import lazy_loader

from tf_denoise.extras import check_installed

check_installed("apache_beam")
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
