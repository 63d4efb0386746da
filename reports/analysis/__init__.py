"""Leaderboards, comparisons and the tables of the paper in numbers, without text."""
