"""When things run: cron and interval entries, and all that waits for its time."""
