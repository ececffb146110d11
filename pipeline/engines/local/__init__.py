"""The embedded engine: interprets the compiled Argo workflow on this machine.

`pipeline.engines.argo` reads the document, checks every field and placeholder, and refuses by
name what it does not know. `engine` is the contract for callers; it starts a controller when
there is work and none lives.

* ``queue``: `store`, `schema`, `erasure`, `rows`: SQLite (WAL), its versions and their migration,
  its rows. `waiting`, `estimate`, `scheduler`: order, priority and pause of what waits; about
  when it starts; what runs when.
* ``control``: `controller`: the one process that owns the queue. `private`, `handover`, `vault`:
  which variables of a launch no disk may hold, and how the controller gets their values.
  `succession`: a controller of older code ends before the state becomes newer than it knows.
* ``steps``: `progress` is pure: plan and step states in, next thing out. `runner`, `placement`,
  `environment`, `processes`: a step's paths and environment on this machine, its process, its
  outputs. `supervisor`: one for each running step: waits, passes a stop on, writes the exit code,
  ends what the step left behind. `limits`: time and memory that it may take. `reasons`: why it
  failed, in a sentence.
"""
