"""Count the classes of the dataset."""
