"""Records, galleries and pretraining runs to figures: vector and pixels, the same bytes from the same data.

A module per figure, each with a `draw` that takes plain data and returns a matplotlib Figure; `style` is what they
share, `plan` says which of them a folder of records gives, `files` writes them.
"""
