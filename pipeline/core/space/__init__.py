"""Search spaces of tuning: reading, changing and saving them, and their trials."""
