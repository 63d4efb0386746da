"""Leaderboards, comparisons and the tables of the paper: what they say, and the forms that they take.

leaderboard_text.py, comparison_text.py, paper_text.py    sentences and rounded figures
terminal.py, markdown.py, latex.py                        their forms
paper_files.py                                            the tables of the paper as a web page and as CSV
"""
