"""A launch: what a person asked for, alone or in a sweep, and where its steps may run.

`choices` are what a form or the command line collects, `launch` is what they become: frozen, with
an id, and on disk. `sweep` keeps the record of many of them.
"""
