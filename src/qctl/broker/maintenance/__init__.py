"""Housekeeping: the scheduler's loop, retention and expiry."""
