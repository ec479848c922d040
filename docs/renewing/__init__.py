"""How the pages of docs/ get their numbers and figures: `python docs/renew.py`."""
