"""The only package that names a Redis key, holds Lua, or opens Redis."""
