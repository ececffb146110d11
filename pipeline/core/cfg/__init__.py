"""Training cfgs: the one schema of settings, and checking files and values against it."""
