"""Phantoms: seeded, in the download's layout, and never over a real download."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from tasks import datasets, phantoms
from tasks.datasets import PREPARERS


def contents(folder: Path) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


@pytest.mark.parametrize("name", phantoms.names())
def test_the_same_seed_draws_the_same_bytes(name: str, phantom_root: Path, tmp_path: Path) -> None:
    again = phantoms.generate(name, tmp_path)
    assert contents(again) == contents(phantom_root / datasets.get(name).folder)


def test_another_seed_draws_other_images(tmp_path: Path) -> None:
    first = contents(phantoms.generate("drive", tmp_path / "a", seed=1))
    second = contents(phantoms.generate("drive", tmp_path / "b", seed=2))
    assert first.keys() == second.keys()
    assert not set(first.values()) & set(second.values()) - {
        first[k] for k in first if "_mask" in k
    }


def test_a_real_download_is_never_drawn_over(tmp_path: Path) -> None:
    real = tmp_path / "drive" / "training"
    real.mkdir(parents=True)
    with pytest.raises(FileExistsError, match="holds a download"):
        phantoms.generate("drive", tmp_path)
    assert list((tmp_path / "drive").iterdir()) == [real]


def test_a_data_set_without_a_phantom_is_told(tmp_path: Path, monkeypatch) -> None:
    assert phantoms.names() == [n for n in datasets.names() if not datasets.get(n).shipped]
    newcomer = replace(datasets.get("drive"), name="newcomer")
    monkeypatch.setitem(PREPARERS, "newcomer", (newcomer, lambda source, writer: None))
    assert "newcomer" in datasets.names() and "newcomer" not in phantoms.names()
    with pytest.raises(ValueError, match="newcomer has no phantom: download it from https://drive"):
        phantoms.generate("newcomer", tmp_path)
    assert not list(tmp_path.iterdir())
