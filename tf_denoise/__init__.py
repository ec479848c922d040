"""Image denoising for Keras: noise, models, losses and the tools around them.

Importing this package loads neither TensorFlow nor Keras: the submodules are loaded when they are first used.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        "data",
        "errors",
        "explain",
        "export",
        "fitting",
        "images",
        "layers",
        "loading",
        "losses",
        "models",
        "noise",
        "pictures",
        "runs",
        "serving",
        "tiling",
    ],
)
