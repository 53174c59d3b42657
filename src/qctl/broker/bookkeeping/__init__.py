"""Records that every change writes: events, audit log, counters and the dead-letter index."""
