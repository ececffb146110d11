"""The embedded engine: interprets the compiled Argo workflow on this machine."""
