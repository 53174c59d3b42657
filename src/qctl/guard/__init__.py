"""Limits of the HTTP servers: connections, unfinished requests, Socket.IO sessions and their packets, wrong tokens.

`connections` and `sessions` are the two doors; both count what they refuse in `denials`.
"""
