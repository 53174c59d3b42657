"""The only package that names a Redis key, holds Lua, or opens Redis."""

from qctl.broker.redis import key_prefix as key_prefix  # first: RQ reads what it sets
