"""One run: its head, and a tab for each thing that one may look at."""
