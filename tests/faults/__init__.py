"""Proof by force: the whole way of the data between real servers, with faults of all kinds, and the books kept.

    PYTHONPATH=tests python -m faults --seed 7 --seconds 120 --fault kill-daemons

`path.py` is the way, `load.py` what is sent over it, `faults.py` what goes wrong, `arrivals.py` what came out at the
other end, `ledger.py` the books, and `trial.py` one fault from its beginning to the verdict.
"""
