"""What a run's folder holds beside its record."""

from __future__ import annotations

IDENTITY = "identity.json"  # what the run is
CONFIG = "config.py"
CASES = "cases.json"  # the scores of the test cases, which go into the record
ERROR = "error.txt"  # the traceback, if it failed
LEASE = "lease"  # and a number: whose it is while it goes on
