"""Weights: those that there are, and official ones to fetch."""
