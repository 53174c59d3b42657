"""Read-only queries on queues, jobs, dead letters, workers and the server; nothing is unpickled or imported."""
