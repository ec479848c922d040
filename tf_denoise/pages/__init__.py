"""Reports: one HTML file that holds everything it shows."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submod_attrs={"page": ["PageFigure", "render_page"]})
