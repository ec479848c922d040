"""Runs on photographs: rivals, scores, verdicts, figures and report."""
