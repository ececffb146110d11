"""Check a launch before anything runs, and fix what it runs with."""
