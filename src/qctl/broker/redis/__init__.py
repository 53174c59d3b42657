"""Access to Redis: connections, key names, job fields, scripts and clock."""
