"""The gateway: HTTP for users and their jobs, for operators and their queues. It calls `ops` and `service`.

A part of it is a module with a `router`, named in `routers.py`; what it needs it takes from `Backend` (`backend.py`).
A route whose path begins with /api stands there alone, every other one below /api too.
"""
