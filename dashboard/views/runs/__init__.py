"""All runs, the queue, and what can be done with those that are ticked."""
