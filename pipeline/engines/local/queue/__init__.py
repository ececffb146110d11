"""The state of all runs: one SQLite file, the order of the queue, what is next."""
