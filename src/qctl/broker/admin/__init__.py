"""What operators do to jobs, one or a million: each act is a script for a few at a time."""
