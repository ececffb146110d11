"""Building a model from its yaml."""
