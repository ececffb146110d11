"""Who may talk to the servers that we start: names in Host, pages in Origin, proofs for changes."""
