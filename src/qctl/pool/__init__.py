"""Pools: a parent process that runs several processes of one daemon, and decides how many.

`parent.py` forks and supervises them, `member.py` is one of them. `fixed.py` keeps a number of gateways or bridges. Of
workers, `scaling.py` reads what operators and queues ask for, and `autoscale.py` decides.
"""
