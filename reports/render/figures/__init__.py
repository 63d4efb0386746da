"""Records, galleries and pretraining runs to figures: vector and pixels, the same bytes from the same data.

A module per figure, each with a `draw` that takes plain data and returns a matplotlib Figure; `style` is what they
share, `plan` says which of them a folder of records gives, `files` writes them.
"""

from __future__ import annotations

# What can be drawn, in the order in which it is.
KINDS = (
    "bars", "ranks", "cases", "critical-difference", "profiles", "cost", "gallery", "labels",
    "pretraining",
)  # fmt: skip
# A gallery is a figure for each backbone on each task, most of all files: only where they are asked for.
USUAL = tuple(kind for kind in KINDS if kind != "gallery")
