"""Records: what a run leaves behind, one JSON file each, complete or absent."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from lvmmed_backbones.outside import read_bytes
from lvmmed_backbones.writing import write_text
from reports.records import FILE, MOST
from reports.schema import SCHEMA, Content, decode_whole

__all__ = ["FILE", "SCHEMA", "finite", "read_record", "write_json"]

# Beside its record a run's folder holds:
IDENTITY = "identity.json"  # what the run is
CONFIG = "config.py"
CASES = "cases.json"  # the scores of the test cases, which go into the record
ERROR = "error.txt"  # the traceback, if it failed
LEASE = "lease"  # and a number: whose it is while it goes on


def write_json(path: Path, content: Any) -> None:
    """Write JSON, whole or not at all.

    Raises:
        ValueError: if `content` holds NaN or infinity, which JSON does not know.
    """
    write_text(path, json.dumps(content, indent=1, allow_nan=False) + "\n")


def finite(metrics: dict[str, float]) -> dict[str, float | None]:
    """Metrics as JSON can hold them: an undefined one (NaN) is null."""
    return {name: float(v) if math.isfinite(v) else None for name, v in metrics.items()}


def read_record(run_dir: Path) -> Content:
    """The record of a run that is done.

    Raises:
        FileNotFoundError: if there is none; ValueError: if it is cut, of an older version, or another run's.
    """
    content = decode_whole(read_bytes(run_dir / FILE, within=run_dir, most=MOST))
    if content.run != run_dir.name:
        raise ValueError(
            f"{run_dir / FILE}: is of the run {content.run}. Move it out of the results."
        )
    return content
