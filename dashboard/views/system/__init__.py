"""System: what works, what does not, what takes room."""
