"""Kinds of launch: which choices one takes, which steps it has, what a run of it shows.

A kind is a module here, a line in `registry`, and its steps in kfp's DSL in a module of the same
name in `pipeline.workflow.kinds`; engines, command line, pages, preflight and verify ask the
registry. A choice that only one kind has is a field of a dataclass that inherits `Choices`.
"""
