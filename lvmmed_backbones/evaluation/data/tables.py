"""A CSV of images: path and label or target, and perhaps split and patient."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import replace
from pathlib import Path

import numpy as np

from lvmmed_backbones.evaluation.data.folders import SPELLINGS, of_rows
from lvmmed_backbones.evaluation.data.labelled import LabelledImages
from lvmmed_backbones.files.outside import Refused, read_text, refusing


def of_table(path: Path) -> LabelledImages:
    """Rows of path, label or target, split and patient; a target makes it a regression.

    Raises
    ------
    Refused
        Naming the row that lacks something, has what is no number or part, or repeats an image.
    """
    with refusing(
        path, "Save it as CSV in UTF-8 with the columns path and label, or path and target"
    ):
        text = read_text(path).removeprefix("\ufeff")  # Excel's byte-order mark
        rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    columns = rows[0].keys() if rows else set()
    if "path" not in columns or not {"label", "target"} & columns:
        remedy = "Give each image a row with both; a target in place of a label is a number"
        raise Refused(path, "has no rows with path and label", remedy)
    answer = "label" if "label" in columns else "target"
    found: list[tuple[Path, str, str]] = []
    seen: dict[str, int] = {}
    for number, row in enumerate(rows, 2):
        if None in row or None in row.values():
            raise Refused(path, f"row {number} has more or fewer cells than columns", "Mend it")
        cells = {column: cell.strip() for column, cell in row.items()}
        split = cells.get("split", "").lower()
        if split not in ("", *SPELLINGS):
            raise Refused(path, f"row {number} has split {split!r}", "Use train, valid or test")
        if not cells["path"] or not cells[answer]:
            raise Refused(path, f"row {number} lacks its path or {answer}", "Fill it in")
        if answer == "target" and not _is_number(cells["target"]):
            reason = f"row {number} has the target {cells['target']!r}, which is no number"
            raise Refused(path, reason, "Fill it in, or leave the row out")
        first = seen.setdefault(cells["path"], number)
        if first != number:
            raise Refused(path, f"row {number} repeats the image of row {first}", "Take one out")
        found.append((path.parent / cells["path"], cells[answer], SPELLINGS.get(split, "")))
    patients = [row["patient"].strip() for row in rows] if "patient" in columns else None
    if patients and not all(patients):
        raise Refused(path, "has rows without a patient", "Fill them in, or leave the column out")
    if answer == "label":
        return of_rows(path.stem, path.parent, found, patients)
    data = of_rows(path.stem, path.parent, [(f, "target", part) for f, _, part in found], patients)
    return replace(data, targets=np.array([float(number) for _, number, _ in found]))


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
