"""Weights: where they come from, how they are read safely, and how foreign key layouts become ours."""
