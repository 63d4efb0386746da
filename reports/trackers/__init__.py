"""Records as runs of experiment trackers: what a run is in any of them (`run`), and a module for each tracker.

A push can end at any moment, and be repeated: a run is found again by its identity, and its mark says whether all of
it is there.
"""
