"""Fetching official weights from web servers.

`pipeline.core.official_weights` knows names and release; `weights` writes a file whole and
checked or not at all; `published_digest` asks what its SHA-256 is; `web` is the one edge to web
servers; `downloads` has a thread a file for all sessions, and a stop forgets it at once.
"""
