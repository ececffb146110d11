"""The command line: ``slipway COMMAND``."""
