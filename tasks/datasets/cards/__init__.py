"""A file for each data set."""
