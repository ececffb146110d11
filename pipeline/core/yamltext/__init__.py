"""Yaml as text with lines: read safely, and changed by its own characters."""
