"""Texts, figures and pages, and the files that hold them."""
