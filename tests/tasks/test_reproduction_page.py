"""docs/reproduction.md names the test of each rule by the words with which its name begins: they are all there."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reproduction.md"
TEST = re.compile(r"\[(test_\w+)\]\(([^)]+\.py)\)(?:: \*([^*]+)\*)?")


def test_every_rule_s_test_is_there() -> None:
    named = TEST.findall(PAGE.read_text())
    assert len(named) > 40
    lacking = []
    for title, link, words in named:
        file = PAGE.parent / link
        name = f"def test_{words.replace(' ', '_')}"
        if not (words and file.is_file() and file.stem == title and name in file.read_text()):
            lacking.append(f"{link}: {words}")
    assert not lacking
