"""Recording and replay of the monitor."""
