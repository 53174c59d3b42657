"""Sinks, which store batches of items. A sink knows its target, but neither queues nor other sinks."""
