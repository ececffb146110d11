"""Keeping an installation well: what works, what takes room, what may go, its images."""
