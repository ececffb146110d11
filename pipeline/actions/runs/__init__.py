"""Runs: finding them, looking at them, comparing them, changing them.

`model` says what a run is, wherever it comes from: from an engine, from its folder alone, or from
MLflow alone (`from_mlflow`). `find` knows which runs there are, `rows` and `page` list them,
`details` gives everything about one, and `change` stops, retries, tracks, notes and deletes.
`pipeline.cli.documents` makes JSON of all that, and nothing else does. `tuning` reads a search from
the run folder; `worth` holds the tests of two runs against each other.
"""
