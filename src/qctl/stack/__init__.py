"""`qctl up`: the servers and daemons that make a whole, started and kept running in the foreground."""
