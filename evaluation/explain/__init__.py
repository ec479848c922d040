"""What a denoiser looks at: `python -m evaluation.explain`."""
