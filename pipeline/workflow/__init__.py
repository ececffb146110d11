"""The one pipeline function and its compilation; the only place that imports kfp."""
