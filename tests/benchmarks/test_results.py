"""Which records count, and `python -m benchmarks status`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import msgspec
import pytest

from benchmarks import results
from benchmarks.__main__ import main
from benchmarks.results import INDEX, scan
from benchmarks.scheduler.lease import Holder, myself
from lvmmed_backbones.records import FILE

WHOLE = {
    "schema": 3, "task": "drive", "task_version": 1, "dataset": "drive", "kind": "segmentation",
    "backbone": {"name": "b", "architecture": "a", "method": "m", "corpus": "c", "parameters": 1,
                 "weights_sha256": None, "pretraining_seed": None},
    "protocol": "finetune", "label_fraction": 1.0, "split": "published", "seed": 0, "profile": "mini",
    "threads": 1, "data_source": "phantom", "metric": "dice", "metrics": {"dice": 0.5},
    "cases": [{"case": "1", "dice": 0.5}],
    "data": {"fingerprint": "f", "complete": True, "counts": {"train": 1, "test": 1}},
    "provenance": {"versions": {}, "git_revision": None, "config_sha256": "c", "started": "now", "machine": {}},
    "cost": {"train_seconds": 1.0, "test_seconds": 1.0, "peak_memory_mb": 1.0},
}  # fmt: skip


def run(results: Path, name: str, content: str | bytes | None = None, **changed) -> Path:
    """Write the record of a run, whole or as given, and return the run's folder."""
    folder = results / "runs" / name
    folder.mkdir(parents=True, exist_ok=True)
    if content is None:
        content = json.dumps(WHOLE | {"run": name} | changed)
    (folder / FILE).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def done(results: Path) -> set[str]:
    return {name for name, row in scan(results).items() if not row.problem}


def test_only_whole_records_count(tmp_path: Path) -> None:
    whole = json.dumps(WHOLE | {"run": "a"})
    run(tmp_path, "a")
    for number, length in enumerate((0, 1, 100, len(whole) // 2, len(whole) - 1)):
        run(tmp_path, f"cut{number}", whole[:length])
    run(tmp_path, "old", schema=1)
    run(tmp_path, "newer", schema=99)
    run(tmp_path, "anothers", run="a")
    run(tmp_path, "other", "[]")
    run(tmp_path, "bytes", b"\xff\x00")
    (tmp_path / "runs" / "linked").mkdir()
    (tmp_path / "runs" / "linked" / FILE).symlink_to(tmp_path / "runs" / "a" / FILE)
    (tmp_path / "runs" / "folder" / FILE).mkdir(parents=True)
    (tmp_path / "runs" / "empty").mkdir()
    assert done(tmp_path) == {"a"}
    assert all(row.problem for name, row in scan(tmp_path).items() if name != "a")


def test_a_record_is_read_once_until_it_changes(tmp_path: Path, monkeypatch) -> None:
    read: list[str] = []
    look = results._read_row
    monkeypatch.setattr(
        results, "_read_row", lambda folder, stamp: read.append(folder.name) or look(folder, stamp)
    )
    for name in "ab":
        run(tmp_path, name)
    assert done(tmp_path) == {"a", "b"} and read == ["a", "b"]
    assert done(tmp_path) == {"a", "b"} and read == ["a", "b"]
    file = tmp_path / "runs" / "a" / FILE
    before = file.stat()
    content = file.read_bytes()
    file.write_bytes(b"x" * len(content))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))  # same size, same time
    assert done(tmp_path) == {"b"} and read == ["a", "b", "a"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"a": 1}', b"\xff" * 9])
def test_the_index_may_be_lost_or_spoilt(tmp_path: Path, content: bytes) -> None:
    run(tmp_path, "a")
    (tmp_path / INDEX).write_bytes(content)
    assert done(tmp_path) == {"a"}
    (tmp_path / INDEX).unlink()
    assert done(tmp_path) == {"a"}
    assert (tmp_path / INDEX).is_file()


def test_status(tmp_path: Path, capsys) -> None:
    run(tmp_path, "a")
    run(tmp_path, "b", "cut")
    named = {"task": "drive", "backbone": "b", "profile": "mini"}
    for name, file, content in (
        ("c", "error.txt", b"ValueError: x"),
        ("d", "lease.1", msgspec.json.encode(myself())),
        ("e", "lease.1", msgspec.json.encode(Holder("elsewhere", 7, "another boot", 5))),
        ("f", "identity.json", json.dumps(named).encode()),
    ):
        folder = tmp_path / "runs" / name
        folder.mkdir()
        (folder / "identity.json").write_text(json.dumps(named))
        (folder / file).write_bytes(content)
    assert main(["status", "--results", str(tmp_path)]) == 0
    shown = capsys.readouterr()
    row = next(line for line in shown.out.splitlines() if "drive" in line)
    assert [cell.strip() for cell in row.split("│")[1:-1]] == [
        "mini",
        "drive",
        "b",
        "1",
        "2",
        "1",
        "1",
    ]
    assert f"process {os.getpid()} on " in shown.err and "process 7 on elsewhere" in shown.err
    assert f"{tmp_path / 'runs' / 'c' / 'error.txt'}: says why it failed" in shown.err
    assert f"{tmp_path / 'runs' / 'b' / FILE}: " in shown.err


def test_status_of_nothing(tmp_path: Path, capsys) -> None:
    assert main(["status", "--results", str(tmp_path / "none")]) == 2
    assert "no such folder" in capsys.readouterr().err
    assert main(["status", "--results", str(tmp_path)]) == 0
