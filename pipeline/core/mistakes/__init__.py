"""Why a model is wrong: what became of each target and each prediction, and what it costs.

`matching` says what a box met, `kinds` of mistakes have their names there, and every figure is
a module of its own. All of it is computed from one table of boxes, whole images at a time.
"""
