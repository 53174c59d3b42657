"""What ran: the event stream, kept in MongoDB, or in SQLite without a server, long after Redis has forgotten it.

`recorder.py` writes it from the stream, `store.py` says what a store is, and opens the one of the settings.
"""
