"""`qctl up`: starts the servers and daemons and keeps them running in the foreground."""
