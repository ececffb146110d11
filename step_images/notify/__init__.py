"""Report the end of a run."""
