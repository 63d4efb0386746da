"""What a run of the study left: RESULT in its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.studies.evidence.variants import VARIANTS
from lvmmed_backbones.outside import Refused, read_json

RESULT = "result.json"
AGAIN = "Remove it, and let `python -m benchmarks.studies.evidence pretrain` go on"


def read_result(file: Path) -> dict[str, Any]:
    """A row of the study: `variant`, `seed`, and numbers or None.

    Raises:
        FileNotFoundError: if there is none.
        Refused: if it is no such row.
    """
    row = read_json(file, AGAIN, within=file.parent)
    if not isinstance(row, dict) or row.get("variant") not in list(VARIANTS):
        raise Refused(file, "is of no variant of the study", AGAIN)
    for key, value in row.items():
        if key != "variant" and type(value) not in (int, float, type(None)):
            raise Refused(file, f"has {key} {value!r}, not a number", AGAIN)
    if type(row.get("seed")) is not int or "steps" not in row or "rate" not in row:
        raise Refused(file, "lacks its seed, steps or rate", AGAIN)
    return row
