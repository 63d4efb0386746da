"""Runs are carried out each in a process of its own; several drivers may share a folder of results."""
