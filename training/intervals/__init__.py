"""`python -m training.intervals`: intervals for a trained denoiser."""
