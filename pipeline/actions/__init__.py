"""What both the dashboard and the command line do: launch, runs, doctor."""
