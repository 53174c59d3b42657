"""Operators' actions on jobs, queues and workers; bulk actions run as scripts for a few jobs at a time."""
