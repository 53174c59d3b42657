"""Data of the monitor's pages: reading, caching, and when to read again."""
