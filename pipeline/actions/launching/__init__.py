"""From choices to a run: what can be chosen, what it will take, and starting it.

`launches` prepares and submits; `estimate` reads time and space from finished runs' folders, and
gives no figure without a run like it. `sweep` prepares and starts many, `sweep_plan` says what is
to be said of all of them together. A launch that the engine does not know counts as not started;
one that was deleted gets a new id. A lock file for each sweep lets one process start or stop it
at a time. `builds` launches what only builds a model, `retest` what only measures weights, and
`adopt` writes a trial's values into the cfg and launches with them.
"""
