"""Pools: a parent process that runs several processes of one daemon, and decides how many.

`parent.py` forks and supervises them, `member.py` is one of them, `scaling.py` reads what operators and queues ask for,
`autoscale.py` decides.
"""
