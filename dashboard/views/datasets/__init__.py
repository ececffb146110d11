"""Datasets: what each data yaml holds, and what is wrong with it."""
