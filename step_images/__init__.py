"""The step programs; each is `python -m step_images.<name>`."""
