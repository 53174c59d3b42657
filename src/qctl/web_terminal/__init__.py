"""The monitor in a browser: a terminal in a page, connected by a web socket to a monitor process of its own.

`sessions` runs the processes, `page` serves the terminal. The server around them decides who may connect: the gateway's
panel, or `local_server` for `qctl monitor --web`.
"""
