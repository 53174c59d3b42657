"""The work itself: one module a queue, plain functions with JSON arguments, named in `catalog.py`.

A worker imports them by name and runs them; they know nothing of queues.
"""
