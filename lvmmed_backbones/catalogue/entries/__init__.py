"""The entries of the catalogue, one file each: a file NAME.py that says `ENTRY = Entry(...)` is the backbone NAME."""
