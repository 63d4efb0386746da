"""Folders of results with whole runs: record, identity, and what else a run leaves."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from lvmmed_backbones.records.identity import run_id
from tests.factories import changed

GIT = ("git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main")


TASK = {
    "name": "drive", "recipe": "suite", "version": 1, "dataset": "drive", "kind": "segmentation",
    "protocol": "finetune", "metric": "dice",
}  # fmt: skip


def write_tasks(repository: Path, **data: dict[str, list[str]]) -> None:
    """Write the tasks.json of a repository, which knows one task."""
    repository.mkdir(exist_ok=True)
    content = {"schema": 1, "tasks": [TASK], "data": data or {"drive": {"measured": ["f" * 64]}}}
    (repository / "tasks.json").write_text(json.dumps(content))


def write_run(results: Path, value: float = 0.5, config: str = "c", **fields: Any) -> Path:
    """Write a run of one case into RESULTS/runs, with its identity; `backbone__name` is a field within another."""
    fields = {name.replace("__", "."): field for name, field in fields.items()}
    content = changed({"metrics": {"dice": value}, **fields})
    if "cases" not in fields:
        content["cases"] = [{"case": "01_test", content["metric"]: value}]
    identity = {
        "task": content["task"],
        "task_version": content["task_version"],
        "backbone": content["backbone"]["name"],
        "weights_sha256": content["backbone"]["weights_sha256"],
        "profile": content["profile"],
        "protocol": content["protocol"],
        "label_fraction": None,
        "split": content["split"],
        "seed": content["seed"],
        "data_fingerprint": content["data"]["fingerprint"],
        "config_sha256": config * 64,
        "threads": content["threads"],
    }
    content["run"] = fields.get("run", run_id(identity))
    folder = results / "runs" / content["run"]
    folder.mkdir(parents=True)
    (folder / "record.json").write_text(json.dumps(content))
    (folder / "identity.json").write_text(json.dumps(identity))
    return folder


def write_rest(folder: Path) -> None:
    """Write what else lies in the folder of a run."""
    for name in (
        *("config.py", "gallery/gallery.json", "gallery/best.png"),
        "20260101_000000/vis_data/scalars.json",
        *("best_120.pth", "lease.1", "run.log", "cases.json", "drive.py"),
        *("20260101_000000/20260101_000000.log", "20260101_000000/vis_data/config.py"),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def edit(record: Path, **fields: Any) -> None:
    """Change fields of a record that lies on the disk."""
    content = json.loads(record.read_text())
    for name, value in fields.items():
        *outer, last = name.split("__")
        place = content
        for part in outer:
            place = place[part]
        place[last] = value
    record.write_text(json.dumps(content))


def files(folder: Path) -> dict[str, bytes]:
    """The content of every file below a folder, by its path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def commit(folder: Path) -> str:
    """Make a folder a git repository with one more commit; its URL."""
    for words in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "-m", "x"]):
        subprocess.run([*GIT, *words], cwd=folder, check=True)
    return f"file://{folder}"
