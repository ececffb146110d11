"""Runs: finding them, looking at them, comparing them, changing them.

`find` knows which runs there are, `page` gives a page of their list, `details` everything about
one, and `change` is what stops, retries, tracks, notes and deletes. `tuning` reads a search from
the run folder; `worth` holds the tests of two runs against each other.
"""
