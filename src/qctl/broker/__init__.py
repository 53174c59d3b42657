"""The only package that names a Redis key, holds Lua, or opens Redis."""

from qctl.broker import prefix as prefix  # first: RQ reads what it sets
