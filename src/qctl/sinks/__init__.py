"""Where batches end. A sink knows its target and nothing of queues; each imports its driver only itself."""
