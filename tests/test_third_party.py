"""What the suite ships of others is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tasks import datasets

ROOT = Path(__file__).resolve().parents[1]


def test_every_library_of_the_page_is_named_with_its_version_and_licence() -> None:
    vendor = ROOT / "reports" / "render" / "site" / "vendor"
    text = (ROOT / "THIRD-PARTY.md").read_text()
    for library in json.loads((vendor / "versions.json").read_text()):
        rows = [line for line in text.splitlines() if library["version"] in line]
        assert any(library["licence"] in row and library["licence_file"] in row for row in rows), (
            library["file"]
        )


@pytest.mark.parametrize("name", [n for n in datasets.names() if datasets.get(n).shipped])
def test_every_data_set_that_ships_is_named_with_its_licence(name: str) -> None:
    dataset = datasets.get(name)
    folder = datasets.SHIPPED / dataset.folder
    row = next(
        line
        for line in (ROOT / "THIRD-PARTY.md").read_text().splitlines()
        if f"(tasks/shipped/{dataset.folder})" in line
    )
    beside = (folder / "README.md").read_text()
    assert dataset.licence in row and dataset.licence in beside
    assert dataset.page.removeprefix("https://").removeprefix("http://") in row
    assert dataset.page in beside and "Citation" in beside
    if dataset.licence == "MIT":
        assert "permission notice shall be included" in (folder / "LICENSE").read_text()


def test_what_ships_is_named_and_small() -> None:
    folders = {datasets.get(name).folder for name in datasets.names() if datasets.get(name).shipped}
    assert {entry.name for entry in datasets.SHIPPED.iterdir()} == folders
    sizes = [path.stat().st_size for path in datasets.SHIPPED.rglob("*") if path.is_file()]
    assert sum(sizes) <= 20e6
