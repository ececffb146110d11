"""Parts that show runs: tables, curves, trials, logs."""
