"""The steps of each kind of launch in kfp's DSL; see `pipeline.core.launch.kinds`."""
