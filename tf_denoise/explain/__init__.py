"""What a denoiser looks at: activation maps, and the input pixels that an output pixel came from."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
