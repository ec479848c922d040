"""The study on digits: test sets, scores, claims, figures and report."""
