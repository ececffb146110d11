"""A launch: what a person asked for, alone or in a sweep, and where its steps may run."""
