"""A door to `tf_denoise.runs.loading`: a trained network for use."""

from tf_denoise.runs.loading import LoadedNetwork, check_file, load_file, load_for_use

__all__ = ["LoadedNetwork", "check_file", "load_file", "load_for_use"]
