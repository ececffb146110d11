"""Forms and the editor of yaml files."""
