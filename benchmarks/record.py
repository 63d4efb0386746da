"""Records: what a run leaves behind, one JSON file each, complete or absent."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

SCHEMA = 1
FILE = "record.json"


def write_json(path: Path, content: Any) -> None:
    """Write JSON by an atomic rename.

    Raises:
        ValueError: if `content` holds NaN or infinity, which JSON does not know.
    """
    scratch = path.with_name(path.name + ".partial")
    scratch.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")
    os.replace(scratch, path)


def finite(metrics: dict[str, float]) -> dict[str, float | None]:
    """Metrics as JSON can hold them: an undefined one (NaN) is null."""
    return {name: float(v) if math.isfinite(v) else None for name, v in metrics.items()}


def is_done(run_dir: Path) -> bool:
    """Whether the run left its record."""
    return (run_dir / FILE).is_file()
