"""The history: events of jobs and queues in MongoDB, or in a SQLite file, after Redis has dropped them.

`recorder.py` writes events from the stream to a store, `store.py` defines the interface of stores.
"""

from __future__ import annotations

from qctl.history.store import HistoryStore
from qctl.settings import Settings


def open_store(settings: Settings, *, read_only: bool = False) -> HistoryStore:
    """The store of the settings: MongoDB if MONGODB_URI is set, else `history.db` in QCTL_HOME. Nothing is sent yet.

    If `read_only`, no file is created, and a store without a file is empty. Raises SettingsError if QCTL_HOME cannot be
    created.
    """
    if settings.mongodb_uri:
        from qctl.history.mongodb import MongoHistory

        return MongoHistory(settings.mongodb_uri)
    from qctl.history.sqlite import SqliteHistory

    if not read_only:
        settings.make_home()
    return SqliteHistory(settings.history_database, read_only=read_only)
