"""The tasks' metrics. Each writes the score of every test case to a file, so that statistics can be paired."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from lvmmed_backbones.files.writing import write_json


def case_name(image: str) -> str:
    """Return the name of a prepared image: its path below the data set's folder `images`, without extension.

    Raises ValueError if the path has no folder called images.
    """
    parts = PurePosixPath(Path(image).as_posix()).with_suffix("").parts
    folders = [i for i, part in enumerate(parts[:-1]) if part == "images"]
    if not folders:
        raise ValueError(
            f"{image} does not lie in an 'images' folder: is this a prepared data set?"
        )
    return "/".join(parts[folders[-1] + 1 :])


def write_cases(path: str, scores: Mapping[str, Mapping[str, float]]) -> None:
    """Write `{case: {score: value}}` as a JSON list, sorted by case, whole or not at all; NaN becomes null."""
    rows = [
        {"case": case, **{k: None if math.isnan(v) else v for k, v in scores[case].items()}}
        for case in sorted(scores)
    ]
    write_json(Path(path), rows)
