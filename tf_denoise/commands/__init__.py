"""The commands of `python -m tf_denoise`."""
