"""Records that every change writes: events, audit, counters and the dead-letter index."""
