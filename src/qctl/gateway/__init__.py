"""The HTTP gateway: jobs and live events for users, queues for operators. It calls `ops` and `service`.

Each `*_routes.py` module has a `router`, listed in `routers.py`, and takes what it needs from the `Backend` in
`dependencies.py`. A route whose path begins with /api exists there only; any other route exists below /api too.
"""
