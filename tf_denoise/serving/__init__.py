"""Export of a trained network."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "export": ["export_for_serving", "export_litert", "export_onnx"],
        "model_card": ["model_card"],
    },
)
