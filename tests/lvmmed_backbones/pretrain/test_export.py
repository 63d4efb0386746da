"""Exported backbones: what they carry, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from lvmmed_backbones import catalogue
from lvmmed_backbones.catalogue.exported import KEY, read_facts
from lvmmed_backbones.pretrain.export import export


def shelve(folder: Path, monkeypatch, facts: dict | None) -> None:
    metadata = None if facts is None else {KEY: json.dumps(facts)}
    save_file({"x": torch.zeros(1)}, folder / "mine.safetensors", metadata=metadata)
    monkeypatch.setenv("LVMMED_CATALOGUE", str(folder))


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        (None, "is not a backbone that"),
        ({"schema": 1}, "KeyError: 'config'"),
        ({"schema": 2, "config": {"type": "BackboneResNet"}}, "has schema 2, known is 1"),
        (
            {"schema": 1, "config": {"type": "mmengine.Runner"}},
            "wants to build a 'mmengine.Runner'",
        ),
    ],
)
def test_foreign_files_are_named(facts, message: str, tmp_path: Path, monkeypatch) -> None:
    shelve(tmp_path, monkeypatch, facts)
    assert "mine" in catalogue.names()
    with pytest.raises(ValueError, match=f"mine.safetensors.*{message}"):
        catalogue.get("mine")


def test_a_truncated_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(b"\x10\0\0\0")
    with pytest.raises(ValueError, match=r"x\.safetensors is not a backbone"):
        read_facts(tmp_path / "x.safetensors")


def test_what_cannot_be_exported_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="holds no checkpoint"):
        export(tmp_path, tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match=r"a file NAME.safetensors is wanted"):
        export(tmp_path, tmp_path / "a b.safetensors")
    torch.save({"state_dict": {"fc.weight": torch.zeros(1)}}, tmp_path / "iter_1.pth")
    with pytest.raises(ValueError, match="is not a checkpoint of a pretraining run"):
        export(tmp_path, tmp_path / "a.safetensors")
    assert not list(tmp_path.glob("*.safetensors*"))
