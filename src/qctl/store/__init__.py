"""What the workers keep: stock, chat messages, notes to receivers.

Tables in MySQL where DB_HOST is set, else in the SQLite file; chat messages in MongoDB where MONGODB_URI is set, else
in the SQLite file too. Servers that are down or refuse us raise the errors of sinks.
"""
