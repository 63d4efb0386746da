"""Scores of other tools, as the scores of cases and seeds that all statistics start from.

files.py       finds the files and tells their format by their content
table.py       a CSV with a value a row
eva.py         results.json of eva
thunder.py     outputs.json of THUNDER
mteb.py        TASK.json of MTEB
rows.py        what each of them turns a file into
gathering.py   rows to scores: one metric, one unit, each run once
"""
