"""Where data comes in. A source knows the buffer, not queues or sinks."""
