"""MLflow: names, the writer that steps use, the reader that the dashboard uses."""
