"""Records, galleries and pretraining runs to figures: vector and pixels, the same bytes from the same data.

plan.py                                     which figures a folder of records gives; planned.py: one of them
plan_tasks.py, plan_overall.py              the same, of one task and over all tasks
task_figures.py, overall_figures.py         `draw_...` functions: plain data to a matplotlib Figure
gallery_figure.py, pretraining_figure.py    the same, of galleries and pretraining runs
overlays.py                                 classes, errors and boxes over an image
style.py                                    what all figures share, and how they are saved
"""

from __future__ import annotations

# Kinds of figures, in the order in which they are drawn.
KINDS = (
    "bars", "ranks", "cases", "critical-difference", "profiles", "cost", "gallery", "labels",
    "pretraining",
)  # fmt: skip
# Galleries are drawn only on request: there is one for each backbone on each task.
USUAL = tuple(kind for kind in KINDS if kind != "gallery")
