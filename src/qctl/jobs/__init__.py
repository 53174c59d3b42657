"""The work itself: one module a queue, plain functions with JSON arguments, named in `builtin.py`.

A worker imports them by name when a job comes and calls them with its arguments by name; they know nothing of queues.
"""
