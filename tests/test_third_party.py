"""What the suite ships of others is named."""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_every_library_of_the_page_is_named_with_its_version_and_licence() -> None:
    vendor = ROOT / "reports" / "render" / "site" / "vendor"
    text = (ROOT / "THIRD-PARTY.md").read_text()
    for library in json.loads((vendor / "versions.json").read_text()):
        rows = [line for line in text.splitlines() if library["version"] in line]
        assert any(library["licence"] in row and library["licence_file"] in row for row in rows), (
            library["file"]
        )
