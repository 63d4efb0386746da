"""Tasks whose data is not there are left out by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.data import with_data
from benchmarks.grid import RunSpec
from tasks import phantoms

SPECS = [RunSpec(task, "random_vit_tiny", "mini", 0) for task in ("drive", "brain_tumor_linear")]


def test_a_data_set_without_a_phantom_leaves_its_tasks_out(monkeypatch, capsys) -> None:
    monkeypatch.setattr(phantoms, "names", lambda: ["brain_tumor"])
    assert with_data(SPECS, None, chosen=False) == SPECS[1:]
    assert "left out, without data: drive (drive)" in capsys.readouterr().err


def test_a_task_that_was_named_is_missed(monkeypatch) -> None:
    monkeypatch.setattr(phantoms, "names", lambda: ["brain_tumor"])
    with pytest.raises(FileNotFoundError, match=r"no data for drive \(drive\).*--data"):
        with_data(SPECS, None, chosen=True)


def test_without_any_data_nothing_runs(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="tasks list"):
        with_data(SPECS, tmp_path, chosen=False)
