"""Label files, as Ultralytics reads them: one line, one file, many files at once."""
