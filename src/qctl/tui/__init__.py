"""The monitor: live screens over `ops` for people who watch queues and act on them.

Everything that waits for Redis runs in a thread and posts messages; only handlers of messages touch widgets.
"""
