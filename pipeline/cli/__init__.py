"""The command line: `python -m pipeline COMMAND`."""
