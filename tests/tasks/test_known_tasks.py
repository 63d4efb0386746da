"""`python -m tasks versions`: tasks and fingerprints for a results repository."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import tasks
from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.records.known import read_known
from tasks import registry
from tasks.__main__ import main


def prepared(folder: Path, name: str, fingerprint: str, phantom: bool = False) -> Path:
    """A prepared data set, of which the meta.json alone is there."""
    meta = {"name": name, "kind": "segmentation", "classes": ["a"], "counts": {}, "lists": {}}
    (folder / fingerprint).mkdir(parents=True)
    meta |= {"fingerprint": fingerprint, "phantom": phantom}
    (folder / fingerprint / "meta.json").write_text(json.dumps(meta))
    return folder / fingerprint


def test_every_task_of_the_checkout_is_there(tmp_path: Path) -> None:
    known = read_known(tasks.versions(out=tmp_path / "tasks.json"))
    found = {(task.name, task.recipe) for task in known.tasks}
    assert found == {(name, "suite") for name in registry.names()} | {
        (name, "release") for name in registry.release_names()
    }
    (drive,) = [task for task in known.tasks if (task.name, task.recipe) == ("drive", "suite")]
    config = registry.get("drive").task
    assert (drive.version, drive.dataset, drive.kind, drive.protocol, drive.metric) == (
        config.version, config.dataset, config.kind, config.protocol, config.headline,
    )  # fmt: skip


def test_fingerprints_are_added(tmp_path: Path) -> None:
    out = tmp_path / "tasks.json"
    tasks.versions([prepared(tmp_path, "drive", "f1"), prepared(tmp_path, "drive", "f2")], out=out)
    tasks.versions([prepared(tmp_path, "drive", "f3", phantom=True), tmp_path / "f1"], out=out)
    tasks.versions(out=out)
    data = read_known(out).data
    assert set(data) == {"drive"}
    assert (data["drive"].measured, data["drive"].phantom) == (["f1", "f2"], ["f3"])


def test_faults_are_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "tasks.json"
    assert main(["versions", str(tmp_path), "--out", str(out)]) == 2
    assert "is no prepared data set" in capsys.readouterr().err and not out.exists()
    out.write_text("{}")
    with pytest.raises(Refused, match="is not as it was written"):
        tasks.versions(out=out)
    assert out.read_text() == "{}"
