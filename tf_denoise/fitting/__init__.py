"""Training that resumes bit for bit, keeps its last good state and its best network."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "loop": ["train"],
    },
)
