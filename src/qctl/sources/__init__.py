"""Sources bring data in. A source knows the buffer, not queues or sinks."""
