"""Runs: finding them, looking at them, comparing them, changing them."""
