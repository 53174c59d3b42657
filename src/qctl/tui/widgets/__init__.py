"""Widgets of the monitor: tables, dialogs, forms, the prompt."""
