"""What a dataset's figures are, and what is wrong with it."""
