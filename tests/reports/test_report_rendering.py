"""What readers see: in a terminal, in Markdown."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from rich.console import Console

from lvmmed_backbones.records import read
from reports.analysis.leaderboard import leaderboards
from reports.render.text.leaderboard_text import OWN_PROTOCOLS, LeaderboardText, leaderboard_text
from reports.render.text.markdown import escape, leaderboard_markdown
from reports.render.text.terminal import print_leaderboards

HOSTILE = "<script>alert(1)</script>"


def sheets(folder: Path) -> list[LeaderboardText]:
    records, problems = read(folder)
    assert not problems
    return [leaderboard_text(board) for board in leaderboards(records)]


def in_terminal(drawn: Sequence[LeaderboardText], width: int = 200) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    print_leaderboards(drawn, console)
    return console.file.getvalue()  # type: ignore[attr-defined]


def as_text(drawn: Sequence[LeaderboardText]) -> dict[str, str]:
    return {
        "terminal": " ".join(in_terminal(drawn).split()),
        "markdown": re.sub(r"\\(.)", r"\1", leaderboard_markdown(drawn)),
    }


@pytest.fixture
def table(write: Callable[..., Path], tmp_path: Path) -> list[LeaderboardText]:
    """Two backbones, two tasks; one cell of one seed, one missing."""
    for seed, value in enumerate((0.70, 0.72, 0.74)):
        write("better", value, seed=seed)
    write("worse", 0.51)
    write("worse", 0.25, {"data.complete": False}, task="kvasir_detection", dataset="kvasir",
          kind="detection", metric="map50")  # fmt: skip
    return sheets(tmp_path)


def test_cells_show_mean_spread_seeds_and_marks(table: list[LeaderboardText]) -> None:
    (one,) = table
    assert one.columns == [("drive", "Dice, finetune"), ("kvasir_detection", "mAP50, finetune")]
    assert [row.backbone for row in one.rows] == ["worse", "better"]
    assert [row.mean_rank for row in one.rows] == ["1.00", "1 of 2 tasks, not ranked"]
    assert [[str(cell) for cell in row.cells] for row in one.rows] == [
        ["51.0 (n=1)", "25.0 (n=1)†"],
        ["72.0 ± 2.0 (n=3)", "None"],
    ]
    assert [[cell and cell.bold for cell in row.cells] for row in one.rows] == [
        [False, False],
        [True, None],
    ]


@pytest.mark.parametrize("form", ["terminal", "markdown"])
def test_every_form_says_what_the_figures_are(table: list[LeaderboardText], form: str) -> None:
    said = as_text(table)[form]
    for part in (
        "Measured on real images, profile small, all labels",
        "Profile small: smaller than the paper's experiments",
        "over n of the seeds 0, 1, 2; none for n=1",
        "Mean rank over 2 tasks: 1 is best, ties share the average rank. Rows that lack one of them",
        "† incomplete data set: images of the published one are missing in kvasir.",
        "– no run.",
        "Images: drive 16 train + 20 test; kvasir_detection 16 train + 20 test.",
        "Machine: Xeon, 2 cores, 23.4 GB memory, no GPU, 1 thread per run, Linux.",
        "Versions: python 3.11.9, torch 2.11.0.",
        "Code: commit 5a741c2000.",
    ):
        assert part in said, form
    assert "PHANTOM" not in said


def test_best_of_a_column_is_bold_in_every_form(table: list[LeaderboardText]) -> None:
    assert "| **72.0** ± 2.0 (n=3) |" in leaderboard_markdown(table)
    assert leaderboard_markdown(table).count("**72.0**") == 1
    console = Console(file=io.StringIO(), width=200, force_terminal=True, color_system="standard")
    print_leaderboards(table, console)
    assert re.search(r"\x1b\[1;32m72\.0\x1b", console.file.getvalue())  # type: ignore[attr-defined]


def test_same_seeds_everywhere_are_said_once(write: Callable[..., Path], tmp_path: Path) -> None:
    for backbone, value in (("a", 0.5), ("b", 0.6)):
        write(backbone, value, seed=0)
        write(backbone, value, seed=7)
    (one,) = sheets(tmp_path)
    assert str(one.rows[0].cells[0]) == "60.0 ± 0.0"
    assert one.notes[0] == "Percent: mean ± sample standard deviation over 2 seeds (0, 7)."


def test_phantoms_are_marked_and_alone(write: Callable[..., Path], tmp_path: Path) -> None:
    write("a", 0.5)
    write("a", 0.9, data_source="phantom", profile="mini")
    drawn = sheets(tmp_path)
    for form, said in as_text(drawn).items():
        real, mark, phantom = said.partition("PHANTOM: says nothing about medicine.")
        assert mark, form
        assert "50.0" in real and "90.0" not in real, form
        assert "90.0" in phantom and "50.0" not in phantom, form


@pytest.mark.parametrize(
    ("fields", "title"),
    [
        ({"label_fraction": 0.05}, "Measured on real images, profile small, 5 % of the labels"),
        ({"label_fraction": 0.07}, "Measured on real images, profile small, 7 % of the labels"),
        ({"split": "clean"}, "Measured on real images, profile small, all labels, clean split"),
        (
            {"recipe": "release"},
            "Measured on real images, profile small, recipe release, all labels",
        ),
    ],
)
def test_a_title_names_the_condition(write, tmp_path: Path, fields: dict, title: str) -> None:
    write(**fields)
    assert sheets(tmp_path)[0].title == title


def test_the_authors_recipe_at_full_size_alone_bears_no_warning(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    write(profile="paper", recipe="release")
    write(profile="paper")
    suites, released = sheets(tmp_path)
    assert suites.warnings == [OWN_PROTOCOLS] and not released.warnings


def test_all_versions_and_machines_are_named(write: Callable[..., Path], tmp_path: Path) -> None:
    write("a")
    write("b", 0.5, {"provenance.versions": {"torch": "2.12.0"}, "provenance.git_revision": None,
                     "provenance.machine": {"cpu": "Ryzen", "gpu": "H100"}})  # fmt: skip
    (one,) = sheets(tmp_path)
    assert "Versions: python 3.11.9, torch 2.11.0 and 2.12.0." in one.notes
    assert any(
        n.startswith("Machines: Xeon") and "; Ryzen, H100, 1 thread per run." in n
        for n in one.notes
    )
    assert "Code: commit 5a741c2000, commit unknown." in one.notes


def test_versions_of_tasks_and_threads_are_named(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    write("a", task="drive", task_version=2)
    write("a", task="buid", threads=4)
    (one,) = sheets(tmp_path)
    assert "Task versions: buid 1, drive 2." in one.notes
    (machines,) = [note for note in one.notes if note.startswith("Machines: ")]
    assert "1 thread per run" in machines and "4 threads per run" in machines


def test_a_hostile_backbone_stays_text(write: Callable[..., Path], tmp_path: Path) -> None:
    fields = {"backbone.method": '"><img src=x onerror=alert(1)>', "task": "<b>{{ 7*7 }}</b>",
              "provenance.versions": {"</ul><script>": "<script src=//evil>"}}  # fmt: skip
    write(HOSTILE, 0.5, fields)
    write("[bold red]a|b_c_ *x* `y` &amp; \\|[/]", 0.4, fields)
    drawn = sheets(tmp_path)
    shown = in_terminal(drawn)
    assert HOSTILE in shown and "[bold red]a|b_c_ *x* `y` &amp; \\|[/]" in shown

    lines = [line for line in leaderboard_markdown(drawn).splitlines() if line.startswith("|")]
    unescaped = [len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in lines]
    assert unescaped == [5] * len(lines), "a bar within a name splits no cell"
    assert not re.search(r"(?<!\\)<(?!br>)", "\n".join(lines))


def test_names_of_backbones_read_naturally_in_markdown() -> None:
    assert escape("imagenet_efficientnet_lite0") == "imagenet_efficientnet_lite0"
    assert escape("__dunder__") == r"\_\_dunder\_\_"


@pytest.mark.parametrize("width", [60, 80, 120, 300])
def test_no_width_cuts_a_name_or_a_figure(
    write: Callable[..., Path], tmp_path: Path, width: int
) -> None:
    tasks = [f"some_long_task_name_{n}" for n in range(15)]
    for number, task in enumerate(tasks):
        write("imagenet_efficientnet_lite0", 0.301 + number / 100, task=task)
    shown = in_terminal(sheets(tmp_path), width)
    assert max(map(len, shown.splitlines())) <= width
    headings = [line for line in shown.splitlines() if "┃" in line]
    for number, task in enumerate(tasks):
        if width > 60:  # there names are folded, not cut
            assert sum(f" {task} " in line for line in headings) == 1
            assert "imagenet_efficientnet_lite0" in shown
        assert shown.count(f" {30.1 + number:.1f} ") == 1
    assert "…" not in shown
