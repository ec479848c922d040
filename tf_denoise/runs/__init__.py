"""The run folder, and THE way to a network of a run or a file."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "folder": ["network_folder", "open_run", "read_json"],
        "loading": ["LoadedNetwork", "load_for_use"],
        "writing": ["write_json"],
    },
)
