"""Where clean images come from, and how they become training pairs."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "crops": ["CropSampler", "crop_batches"],
        "digits": ["Digits", "load_digits"],
        "batches": ["draw_batch", "noisy_crops", "noisy_pairs"],
        "photographs": ["Photograph", "Photographs", "Split", "split"],
        "sources": ["embedded_photographs", "load_folder", "load_pairs"],
    },
)
