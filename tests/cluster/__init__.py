"""Three hosts, each with everything, and faults that take a whole host: `PYTHONPATH=tests python -m cluster --help`."""
