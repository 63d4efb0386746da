"""What the tests of tasks share."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tasks import datasets


@pytest.fixture
def download(phantom_root: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Copy a phantom's download, to be changed or spoilt."""

    def copy(name: str) -> Path:
        folder = datasets.get(name).folder
        return Path(shutil.copytree(phantom_root / folder, tmp_path / "in" / folder))

    return copy


@pytest.fixture
def prepared(prepared_root: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Copy a prepared phantom, to be spoilt."""
    return lambda name: Path(shutil.copytree(prepared_root / name, tmp_path / name))
