"""How far a denoised picture can be trusted that no clean one stands beside."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
