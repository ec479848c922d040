"""Picture files: read, written, and judged by their headers."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "files": [
            "DECODABLE",
            "FORMATS",
            "PictureError",
            "find_pictures",
            "inspect_picture",
            "read_picture",
            "to_unit",
            "with_channels",
            "write_picture",
        ],
        "headers": ["PictureHeader"],
    },
)
