"""What a model file holds: a model yaml is data, though Ultralytics evaluates a part of it.

`check` is what preflight and the editor ask; `data` looks at a mapping, which may also be the yaml
inside weights: `layers` at its rows and `values` at what stands in them, by the lists in `names`,
and `size` at how large the model would be.
"""
