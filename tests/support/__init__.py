"""Support for tests: real processes and real servers, each in its own folder and on its own port."""
