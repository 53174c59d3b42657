"""Connections to SQLite, MySQL and MongoDB: drivers, time-outs, transactions, and translation of their errors."""
