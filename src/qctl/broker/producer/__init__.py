"""Enqueues jobs and enforces limits per owner."""
