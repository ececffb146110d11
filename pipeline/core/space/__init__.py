"""Search spaces of tuning: reading, changing and saving them, and their trials.

A launch names a ``tune-*.yaml`` or carries the space itself on one line (`text`), so it goes
through URL, record, command line and workflow parameter alike; the run folder gets it as
``tune.yaml``. `edit` changes a space one step at a time, `cost` says what it costs, `file` saves
it, and `pipeline.core.yamltext.mapping` turns a document's changes into changes of single lines.
"""
