"""A sweep: how each of its runs is doing, and what each model and cfg comes to."""
