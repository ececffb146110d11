"""The engine that runs workflows on a Kubeflow Pipelines cluster."""
