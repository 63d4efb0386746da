"""What a stranger's records and folders are called: text in every report, and nothing else."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from reports.__main__ import main
from reports.render.text.latex import escape

pytestmark = pytest.mark.usefixtures("limit")


def test_hostile_names_of_folders_reach_no_report(
    write: Callable[..., Path], tmp_path: Path, errors: Callable[..., list[str]]
) -> None:
    for number, name in enumerate((b"\x1b[31m\xff", b"a\nerror: b", "\u202egnp".encode(), b"[red]x[/]")):  # fmt: skip
        folder = os.fsencode(tmp_path / "runs") + b"/" + name
        for value, seed in ((0.5, 0), (0.25, 0), (0.75, 1)):  # two that disagree, one that is sound
            path = write(f"b{number}", value, seed=seed, cases=[])
            os.makedirs(folder, exist_ok=True)
            os.rename(path.parent, folder + b"/" + str(value).encode())
        os.makedirs(folder + b"/cut")
        with open(folder + b"/cut/record.json", "w") as file:
            file.write("{")
        with open(folder + b"/0.75/config.py", "w") as file:
            file.write("")
    results = tmp_path / "runs"
    for words in (["leaderboard", results], ["compare", results, "b0", "b1"], ["tables", results],
                  ["figures", results], ["site", results, "--out", tmp_path / "site"]):  # fmt: skip
        said = errors(*words)
        assert len(said) == 8
        assert sum(r"\x1b[31m\udcff" in line for line in said) == 2
    assert len(list((tmp_path / "site").glob("records/*.json"))) == 4


def test_markup_of_the_terminal_is_text(
    write: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["[red]x[/red]", "[link=http://x]y[/link]", ":warning:"]
    for name in names:
        for seed in (0, 1):
            write(name, 0.5, task=f"[b]{name}", seed=seed, cases=[])
            write("other", 0.4, task=f"[b]{name}", seed=seed, cases=[])
    assert main(["leaderboard", str(tmp_path)]) == 0
    for name in names:
        assert main(["compare", str(tmp_path), name, "other"]) == 0
    said = re.sub(r"[\s│┃]", "", capsys.readouterr().out)
    assert "\x1b" not in said
    assert all(name.replace(" ", "") in said and f"[b]{name}" in said for name in names)


NAMES = ["a|b", "`rm`", "<img src=x onerror=alert(1)>", "[x](http://evil)", "*x*", "__x__", "~~x~~", "\\",
         "http://evil.example", "www.evil.example", "a@evil.example", "&lt;", "# x", "$x$", "a--b,,c", "*"]  # fmt: skip


MARKS = {
    "text",
    "text_special",
    "html_inline",
    "strong_open",
    "strong_close",
    "em_open",
    "em_close",
}


def test_names_are_text_in_markdown(write: Callable[..., Path], tmp_path: Path) -> None:
    for name in NAMES:
        write(name, 0.5, {"backbone.architecture": "ResNet-50"})
    assert main(["leaderboard", str(tmp_path)]) == 0
    assert main(["tables", str(tmp_path)]) == 0
    for path in (tmp_path / "leaderboard" / "leaderboard.md", tmp_path / "tables" / "tables.md"):
        text = path.read_text()
        assert not re.search(r"(?<!\\)@|[a-z]://|www\.", text), "GitHub makes links of these"
        cells = []
        for token in MarkdownIt("commonmark", {"html": True}).enable("table").parse(text):
            for child in token.children or ():
                assert child.type in MARKS, child
                assert child.type != "html_inline" or child.content in ("<br>", "<ins>", "</ins>")
            if token.type == "inline":
                cells.append(
                    "".join(c.content for c in token.children if c.type.startswith("text"))
                )
        assert set(NAMES) <= set(cells), path


def test_names_are_text_in_latex() -> None:
    assert escape("a--b – ,,c,,") == "a-{}-b -- ,{},c,{},"
    assert escape("*") == "{*}" and escape("") == ""
    assert escape("\ud800\x1b") == "U+D800U+001B"


def test_no_cell_of_a_csv_file_is_a_formula(write: Callable[..., Path], tmp_path: Path) -> None:
    formulas = ["=cmd|' /C calc'!A0", "+1+cmd", "-2+3", "@SUM(A1)", "=1"]
    for formula in formulas:
        named = ("backbone.method", "backbone.corpus", "provenance.started")
        fields = {"task": "drive"} | dict.fromkeys(named, formula)
        write(formula, 0.5, fields)
    assert main(["leaderboard", str(tmp_path), "--published"]) == 0
    assert main(["tables", str(tmp_path)]) == 0
    for name in ("leaderboard/leaderboard.csv", "tables/tables.csv"):
        rows = list(csv.reader((tmp_path / name).read_text().splitlines()))
        for cell in (cell for row in rows for cell in row):
            if cell.startswith(("=", "+", "-", "@", "\t", "\r")):
                float(cell)
        there = {cell for row in rows for cell in row}
        assert {f"'{formula}" for formula in formulas} <= there
