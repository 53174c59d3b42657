"""The commands of qctl, one module a noun."""
