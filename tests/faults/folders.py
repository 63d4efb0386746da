"""Contents of a folder after a fault: whole or half-written, the same as without the fault or not."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from lvmmed_backbones.weights.reading import read

TIME = re.compile(r"\d{8}_\d{6}")  # in the names of mmengine's logs
SCRATCH = re.compile(r"^\.|\.partial|\.former|\.tmp|\.lock|^lease")


def files(folder: Path) -> list[Path]:
    """Return all files below a folder, hidden ones too."""
    return sorted(path for path in folder.rglob("*") if not path.is_dir() or path.is_symlink())


def names(folder: Path) -> set[str]:
    """Return the names of all files and folders below a folder; those of mmengine's logs without their time."""
    return {TIME.sub("TIME", str(path.relative_to(folder))) for path in folder.rglob("*")}


def contents(folder: Path) -> dict[str, str]:
    """Return the checksum of every file below a folder, by name."""
    return {str(path.relative_to(folder)): checksum(path) for path in files(folder)}


def checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def half_written(folder: Path) -> list[str]:
    """Return what is left of an unfinished write: scratch files, leases, and JSON that is not whole."""
    unfinished = []
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        if SCRATCH.search(path.name):
            unfinished.append(name)
        elif path.suffix == ".json" and path.is_file() and "vis_data" not in path.parts:
            try:
                json.loads(path.read_bytes())
            except ValueError as error:
                unfinished.append(f"{name}: {error}")
    return unfinished


def records(results: Path) -> dict[str, tuple[int, bytes]]:
    """Return the time and the bytes of every record, by run."""
    return {
        path.parent.name: (path.stat().st_mtime_ns, path.read_bytes())
        for path in results.glob("runs/*/record.json")
    }


def scores(results: Path, runs: Iterable[str] = ("*",)) -> dict[tuple, Any]:
    """Return the metrics, the scores of cases and the tensors of the checkpoints of each run, or of those named."""
    results_of_runs = {}
    for path in (path for run in runs for path in results.glob(f"runs/{run}/record.json")):
        record = json.loads(path.read_bytes())
        key = (record["task"], record["backbone"]["name"], record["seed"], record["run"])
        weights = {file.name: tensors(file) for file in path.parent.glob("*.pth")}
        results_of_runs[key] = record["metrics"], record["cases"], weights
    return results_of_runs


def tensors(checkpoint: Path) -> dict[str, str]:
    """Return the checksum of every tensor of a checkpoint, by its position."""
    return dict(leaves(read(checkpoint), ""))


def leaves(value: Any, name: str):
    """Yield position and checksum of each tensor, position and value of each number of an optimizer's state."""
    if isinstance(value, torch.Tensor):
        content = value.contiguous().view(torch.uint8) if value.ndim else value.reshape(1)
        yield name, hashlib.sha256(content.numpy().tobytes()).hexdigest()
    elif isinstance(value, dict):
        for key, part in value.items():
            if key not in ("message_hub", "meta"):
                yield from leaves(part, f"{name}/{key}")
    elif isinstance(value, list | tuple):
        for number, part in enumerate(value):
            yield from leaves(part, f"{name}/{number}")
    elif isinstance(value, int | float):
        yield name, repr(value)
