"""Fetching official weights from web servers."""
