"""Parts that show a dataset: its classes, its boxes."""
