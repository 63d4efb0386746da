"""The tables of the paper, or one of chosen columns: published figures, and measured ones beside them.

layout.py     which tables of the paper there are, and what rows and columns are called
matching.py   which row and column a measured run belongs to
frame.py      columns and published rows of a table
choice.py     which tables, columns and rows were asked for
fill.py       rows of cells: published, measured, difference, best
collect.py    all tables in all conditions, and what stands in none
wording.py    titles, warnings, notes, and what a cell says
latex.py, markdown.py, page.py, csv.py    the forms they take
"""
