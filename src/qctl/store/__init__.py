"""Data of the built-in jobs and the gateway: stock, chat messages, notifications, readings, users.

Tables are in MySQL if DB_HOST is set, else in the SQLite file. Chat messages and users are in MongoDB if MONGODB_URI is
set, else in the SQLite file. Functions raise SinkError if a database is down or rejects the request.
"""
