"""From choices to a run: what can be chosen, what it will take, and starting it."""
