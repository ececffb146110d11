"""Files that people edit: every version is kept, and no save overwrites another's.

`files` knows where versions lie. A version's bytes are written before its line, its line before
the file; if the file cannot be written, the line is taken back. `history` keeps versions,
`editing` saves, and `pipeline.core.yamltext.edit` changes single values and leaves every other
character.
"""
