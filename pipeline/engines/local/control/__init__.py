"""The process that owns the queue: starting it, handing over to it, replacing it."""
