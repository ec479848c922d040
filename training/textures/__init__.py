"""Denoisers for photographs: `python -m training.textures`."""
