"""Image denoising for Keras: noise, models, losses and the tools around them.

Importing this package loads neither TensorFlow nor Keras: the submodules are loaded when they are first used. Where
Keras is loaded already, `import keras, tf_denoise`, the classes of this package are registered, so that
`keras.models.load_model` finds them; in the other order `tf_denoise.register()` does it.
"""

import sys

import lazy_loader

from tf_denoise.registration import register

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
        "metrics",
        "models",
        "noise",
        "pictures",
        "runs",
        "serving",
        "tiling",
    ],
)
__all__ += ["register"]

if "keras" in sys.modules:
    register()
