"""Files that people edit: every version is kept, and no save overwrites another's."""
