"""Where a dataset's files are: its yaml, base folder, splits and images."""
