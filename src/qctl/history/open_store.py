"""Opens the history store that the settings ask for."""

from __future__ import annotations

from qctl.history.store import Store
from qctl.settings import Settings


def open_store(settings: Settings, *, reading: bool = False) -> Store:
    """The store of the settings: MongoDB where MONGODB_URI is set, else `history.db` in QCTL_HOME.

    With `reading` it creates nothing, and is empty where nothing was written yet. Nothing is asked of a server yet.
    Raises SettingsError where QCTL_HOME cannot be made.
    """
    if settings.mongodb_uri:
        from qctl.history.mongodb import MongoHistory  # its driver is large, and an extra

        return MongoHistory(settings.mongodb_uri)
    from qctl.history.sqlite import SqliteHistory

    if not reading:
        settings.make_home()
    return SqliteHistory(settings.history_database, reading=reading)
