"""Configs: the yaml files of the volume, edited as text or by a form."""
