"""Datasets in the numbers that Ultralytics' loader would use; nothing is read twice."""
