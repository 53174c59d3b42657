"""Mains of the daemons. Nothing imports them."""
