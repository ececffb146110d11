"""The pages, a folder each: `render()` is in its ``page.py``."""
