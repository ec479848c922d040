"""The iterative renoising experiment: `python -m training.iterative`."""
