"""The command line: parse, one call of `ops`, print. One module a noun.

Nothing here imports redis, rq or Rich before a command needs it: `qctl --help` and completion must feel instant.
"""
