"""Command line: parse arguments, call `ops`, print. `commands` has one module per noun.

No module imports redis, rq or Rich before a command needs it: `qctl --help` and completion must feel instant.
"""
