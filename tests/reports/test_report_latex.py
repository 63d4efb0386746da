"""Tables and leaderboards in LaTeX: they compile, nothing sticks out, every table can be referred to."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from reports.__main__ import main
from reports.reading.consistency import Condition
from reports.render.text.latex import column_bands, table_label

HOSTILE = r"<script>alert(1)</script> \input{x} 50% $x_1^2$ & # ~ {a} |b| `c` “漢”"
NEEDS_LATEX = pytest.mark.skipif(
    not shutil.which("pdflatex"), reason="no pdflatex: apt-get install texlive-latex-extra"
)
STICKS_OUT = 5  # points; less is not seen
LVMMED = {
    "backbone.method": "LVM-Med",
    "backbone.architecture": "ResNet-50",
    "backbone.corpus": "LVM-Med, 1.3 million images of 55 data sets",
}
TASKS = ("drive", "buid", "jsrt", "kvasir", "isic2018", "own_task", "prostate", "my_longer_task", "x", "y")  # fmt: skip


def compiled(folder: Path, name: str) -> str:
    """The log of NAME.tex, which compiles, has no dangling reference, and sets every letter within the page."""
    for _ in range(2):  # the second knows the labels of the first
        done = subprocess.run(
            ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", f"{name}.tex"],
            cwd=folder, capture_output=True, text=True, timeout=120, errors="replace",
        )  # fmt: skip
        if "adjustbox.sty' not found" in done.stdout or "booktabs.sty' not found" in done.stdout:
            pytest.skip("no booktabs or adjustbox: apt-get install texlive-latex-extra")
        assert done.returncode == 0, done.stdout[-2000:]
    assert (folder / f"{name}.pdf").stat().st_size > 10_000
    log = (folder / f"{name}.log").read_text(errors="replace")
    for wrong in ("Missing character", "undefined", "multiply"):
        assert wrong not in log.replace("\n", ""), log[-2000:]
    too_wide = re.findall(r"Overfull \\[hv]box \(([\d.]+)pt", log)
    assert all(float(points) < STICKS_OUT for points in too_wide), log
    return log


def results(write: Callable[..., Path]) -> None:
    """Runs in three conditions, of ten tasks, one of a hostile backbone."""
    for task in TASKS:
        write("lvmmed_resnet50", 0.7, LVMMED, task=task, dataset=task, profile="paper")
        write("a", 0.6, task=task, dataset=task, profile="paper")
        write(HOSTILE, 0.6, task=task, dataset=task, profile="mini", data_source="phantom")
    write("a", 0.6, task="fgadr_linear", dataset="fgadr", kind="classification", split="clean",
          protocol="linear", metric="accuracy", label_fraction=0.1, profile="paper")  # fmt: skip


@NEEDS_LATEX
def test_the_document_of_tables_compiles(write: Callable[..., Path], tmp_path: Path) -> None:
    results(write)
    assert main(["tables", str(tmp_path), "--out", str(tmp_path / "out")]) == 0
    compiled(tmp_path / "out", "tables")


@NEEDS_LATEX
def test_the_document_of_leaderboards_compiles(write: Callable[..., Path], tmp_path: Path) -> None:
    results(write)
    words = ["leaderboard", str(tmp_path), "--latex", "--published", "--metric", "dice", "accuracy"]
    assert main([*words, "--out", str(tmp_path / "out")]) == 0
    compiled(tmp_path / "out", "leaderboard_document")


@NEEDS_LATEX
def test_documents_hold_more_tables_than_latex_keeps_waiting(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    for number in range(120):
        write(profile=f"p{number}")
    words = ["--out", str(tmp_path / "out")]
    assert main(["tables", str(tmp_path), "--table", "table2", *words]) == 0
    assert main(["leaderboard", str(tmp_path), "--latex", *words]) == 0
    compiled(tmp_path / "out", "tables")
    compiled(tmp_path / "out", "leaderboard_document")


@NEEDS_LATEX
def test_tables_can_be_read_into_a_paper(write: Callable[..., Path], tmp_path: Path) -> None:
    """With the packages that each file names, in one narrow column, and referred to."""
    results(write)
    out = tmp_path / "out"
    assert main(["tables", str(tmp_path), "--out", str(out)]) == 0
    assert main(["leaderboard", str(tmp_path), "--latex", "--out", str(out)]) == 0
    head = (out / "table2.tex").read_text()
    named = re.findall(r"^% (\\usepackage.*)$", head, re.MULTILINE)
    assert r"\usepackage{booktabs}" in named and r"\usepackage{adjustbox}" in named
    assert (out / "leaderboard.tex").read_text().startswith(head.partition(r"\begin")[0])
    (out / "paper.tex").write_text(
        "\n".join(
            [
                r"\documentclass{article}",
                *named,
                r"\begin{document}",
                r"See tables~\ref{tab:table2}, \ref{tab:table2-phantom-mini} and",
                r"\ref{tab:leaderboard-1}.",
                r"\input{table2}\clearpage\input{leaderboard}",
                r"\end{document}",
            ]
        )
    )
    compiled(out, "paper")


def test_every_table_has_a_label_of_its_own(write: Callable[..., Path], tmp_path: Path) -> None:
    results(write)
    assert main(["tables", str(tmp_path), "--out", str(tmp_path)]) == 0
    text = "".join(path.read_text() for path in sorted(tmp_path.glob("*.tex")))
    labels = re.findall(r"\\label\{(.*)\}", text)
    assert len(labels) == text.count(r"\begin{table}") == len(set(labels))
    assert {"tab:table2", "tab:table2-phantom-mini", "tab:table5-10pct"} <= set(labels)


@pytest.mark.parametrize(
    ("condition", "label"),
    [
        (None, "tab:table2"),
        (Condition("measured", "paper", 1.0, "published"), "tab:table2"),
        (Condition("measured", "paper", 0.1, "clean"), "tab:table2-10pct-clean"),
        (Condition("phantom", "paper", 1.0, "published"), "tab:table2-phantom-paper"),
        (Condition("measured", "paper", 0.1, "published", "release"), "tab:table2-release-10pct"),
    ],
)
def test_labels(condition: Condition | None, label: str) -> None:
    assert table_label("table2", condition) == label


def test_a_hostile_profile_is_no_part_of_a_label() -> None:
    label = table_label("table2", Condition("measured", r"}\input{x}", 1.0, "published"))
    assert re.fullmatch(r"tab:table2-measured-[0-9a-f]{8}", label)


def test_means_stand_to_the_right_and_what_follows_to_the_left(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    for seed in (0, 1):
        write("a", 0.6 + seed / 10, seed=seed, cases=[])
    write("b", 0.5, task="own_task")
    assert main(["leaderboard", str(tmp_path), "--latex", "--out", str(tmp_path)]) == 0
    text = (tmp_path / "leaderboard.tex").read_text()
    assert r"\begin{tabular}{lrrr@{}lr@{}l}" in text
    assert r"\multicolumn{2}{c}{own\_task} \\" in text
    assert r"& 65.0 & \ $\pm$ 7.1 (n=2) & -- &  \\" in text
    for row in re.findall(r"^.* \\\\$", text, re.MULTILINE):
        spanned = row.count(r"\multicolumn{2}")
        assert row.count(" & ") + spanned == 6, row


def test_machines_and_versions_are_said_once(write: Callable[..., Path], tmp_path: Path) -> None:
    results(write)
    assert main(["tables", str(tmp_path), "--out", str(tmp_path / "t")]) == 0
    words = ["leaderboard", str(tmp_path), "--latex", "--metric", "dice", "accuracy"]
    assert main([*words, "--out", str(tmp_path / "l")]) == 0
    files = {path.name: path.read_text() for path in tmp_path.glob("[tl]/*")}
    conditions = 3  # measured, measured with a tenth of the labels, phantoms
    holding = {name for name, text in files.items() if "Xeon" in text and name != "leaderboard.md"}
    assert holding == {"provenance.tex", "leaderboard_provenance.tex", "tables.md", "tables.html"}
    for name in holding:
        assert files[name].count("Xeon") == files[name].count("torch 2.11.0") == conditions, name
    assert files["tables.tex"].endswith("\\clearpage\n\\input{provenance}\n\\end{document}\n")
    assert (
        "\\input{leaderboard}\n\\clearpage\n\\input{leaderboard_provenance}"
        in (files["leaderboard_document.tex"])
    )


def test_published_figures_alone_need_no_provenance(tmp_path: Path) -> None:
    assert main(["tables", "--out", str(tmp_path)]) == 0
    assert not (tmp_path / "provenance.tex").exists()
    assert "provenance" not in (tmp_path / "tables.tex").read_text()


def test_leaderboards_in_latex_are_asked_for(write: Callable[..., Path], tmp_path: Path) -> None:
    write()
    assert main(["leaderboard", str(tmp_path)]) == 0
    assert not list(tmp_path.rglob("*.tex"))


@pytest.mark.parametrize("count", range(1, 40))
def test_bands_hold_every_column_once(count: int) -> None:
    found = column_bands(count)
    assert [number for band in found for number in band] == list(range(count))
    sizes = [len(band) for band in found]
    assert max(sizes) <= 8 and max(sizes) - min(sizes) <= 1
