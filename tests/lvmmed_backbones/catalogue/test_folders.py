"""The folders in which the catalogue looks: the package's, those of this process, the user's, the cache's."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torchvision.models import resnet18

from lvmmed_backbones import catalogue


@pytest.fixture(autouse=True)
def _forget(monkeypatch) -> Iterator[None]:
    monkeypatch.setattr(catalogue, "_added", [])
    monkeypatch.delenv("LVMMED_CATALOGUE", raising=False)
    yield


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the backbone `mine`."""

    folder = tmp_path_factory.mktemp("backbone")
    torch.save(resnet18().state_dict(), folder / "weights.pth")
    catalogue.add(folder / "weights.pth", "mine", folder / "shelf", method="BYOL")
    return folder / "shelf"


def test_a_folder_that_was_added_is_looked_at(backbone: Path) -> None:
    assert "mine" not in catalogue.names()
    catalogue.add_catalogue_folder(backbone)
    assert "mine" in catalogue.names() and catalogue.get("mine").method == "BYOL"
    assert "LVMMED_CATALOGUE" not in os.environ
    described, problems = catalogue.list_backbones()
    assert problems == []
    (mine,) = (facts for facts in described if facts["name"] == "mine")
    assert mine == catalogue.describe("mine") and mine["method"] == "BYOL"


def test_the_order_of_the_folders(tmp_path: Path, monkeypatch) -> None:
    """The package's, the one that was added last, the others, the user's, the cache's."""
    monkeypatch.setenv("LVMMED_CATALOGUE", f"{tmp_path / 'of'}{os.pathsep}{tmp_path / 'user'}")
    package, *users, cache = catalogue.folders()
    assert users == [tmp_path / "of", tmp_path / "user"]
    for name in ("one", "two", "one"):
        catalogue.add_catalogue_folder(tmp_path / name)
    added = [tmp_path / "one", tmp_path / "two"]
    assert catalogue.folders() == [package, *added, *users, cache]


def test_a_folder_by_a_relative_path_stays_where_it_is(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    catalogue.add_catalogue_folder("shelf")
    monkeypatch.chdir("/")
    assert tmp_path / "shelf" in catalogue.folders()


def test_of_one_name_the_folder_that_was_added_last_wins(backbone: Path, tmp_path: Path) -> None:
    catalogue.add_catalogue_folder(backbone)
    (tmp_path / "mine.safetensors").write_bytes((backbone / "mine.safetensors").read_bytes())
    catalogue.add_catalogue_folder(tmp_path)
    weights = catalogue.get("mine").weights
    assert weights and weights.path == tmp_path / "mine.safetensors"


@pytest.mark.parametrize(("method", "sees"), [("fork", True), ("spawn", False)])
def test_what_a_process_that_it_starts_sees(backbone: Path, method: str, sees: bool) -> None:
    """As the docstring says: a forked one has the folder, a spawned one has to add it."""
    catalogue.add_catalogue_folder(backbone)
    with multiprocessing.get_context(method).Pool(1) as pool:
        assert ("mine" in pool.apply(catalogue.names)) is sees


def test_without_a_folder_it_is_written_to_the_caches(tmp_path: Path, monkeypatch) -> None:

    monkeypatch.setenv("LVMMED_HOME", str(tmp_path / "cache"))
    torch.save(resnet18().state_dict(), tmp_path / "weights.pth")
    added = catalogue.add(tmp_path / "weights.pth", "mine")
    assert added.file == tmp_path / "cache" / "catalogue" / "mine.safetensors"
    assert "mine" in catalogue.names() and load_file(added.file)
