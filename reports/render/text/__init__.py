"""Leaderboards, comparisons and the tables of the paper: what they say, and the forms that they take."""
