"""Recording what the monitor shows, and replaying it."""
