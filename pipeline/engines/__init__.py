"""Engines run a compiled workflow; `base` is the contract, `registry` finds one by name."""
