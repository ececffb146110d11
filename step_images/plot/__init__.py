"""Draw the class distribution."""
