"""The monitor: screens over `ops` that stay open, for people who watch queues and act on them.

Whatever waits for Redis runs in a thread and posts messages; only handlers of messages touch widgets.
"""
