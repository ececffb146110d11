"""Whether a ``.pt`` may be opened: what it would do is read as data.

`check` answers; `container` reads the file, with `archive` or as the pickles of torch < 1.6;
`machine`, on its `stack`, follows each pickle with stand-ins for objects; `names`, `classes` and
`calls` are what it may name, make and call; of what it made, `graph` finds classes that are kept as
values and the yaml from which Ultralytics would build a model, `states` what objects may not hold.
"""
