"""What lies where on the volume: people's files, and the folder of each run."""
