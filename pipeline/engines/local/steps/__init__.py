"""One step on this machine: where it runs, its limits, its end and why."""
