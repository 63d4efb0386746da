"""The tables of the paper, from the published figures, and measured ones beside them.

layout.py     which tables there are, and their rows and columns
matching.py   which row and column a measured run belongs to
fill.py       rows of cells: published, measured, difference, best
wording.py    titles, warnings, notes, and what a cell says
latex.py, markdown.py, page.py, csv.py    the forms they take
"""
