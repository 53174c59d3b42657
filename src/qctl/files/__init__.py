"""Untrusted files: opened inside one folder only, unpacked within limits, and parsed as tables or images."""
