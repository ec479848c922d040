"""Measures, scores and reports."""
