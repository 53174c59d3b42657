"""Records the data that the monitor shows, and replays it."""
