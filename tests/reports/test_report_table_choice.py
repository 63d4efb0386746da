"""Tables of chosen columns and rows, and what is said of tasks that stand in no table."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from reports.__main__ import main
from reports.published.layout import TABLE_NAMES

PAPER = {"profile": "paper", "recipe": "release"}
LVMMED = {
    "backbone.method": "LVM-Med",
    "backbone.architecture": "ResNet-50",
    "backbone.corpus": "LVM-Med, 1.3 million images of 55 data sets",
    **PAPER,
}
VIT = {**LVMMED, "backbone.architecture": "SAM ViT-B/16"}
CLASSIFICATION = {"kind": "classification", "metric": "accuracy"}
Run = Callable[..., list[dict[str, str]]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Make tables of all records; the rows of tables.csv."""

    def runner(*words: str, code: int = 0) -> list[dict[str, str]]:
        out = tmp_path / "out"
        assert main(["tables", str(tmp_path / "runs"), "--out", str(out), *words]) == code
        return list(csv.DictReader((out / "tables.csv").read_text().splitlines()))

    return runner


def order(cells: list[dict[str, str]], name: str) -> list[str]:
    """The values of a column of tables.csv, each once."""
    return list(dict.fromkeys(cell[name] for cell in cells))


# Columns.


def test_one_table_of_exactly_these_columns(
    write: Callable[..., Path], run: Run, tmp_path: Path
) -> None:
    """An own task, a data set of which there is no record, a task of the paper: in the order of their names."""
    write("lvmmed_resnet50", 0.7, LVMMED)
    write("lvmmed_resnet50", 0.4, LVMMED, task="own_task", dataset="own")
    write("mine", 0.3, PAPER, task="own_task", dataset="own")
    write("mine", 0.3, PAPER, task="buid", dataset="buid")
    cells = run("--columns", "own_task", "kvasir:finetune", "drive")
    assert order(cells, "table") == ["selection"]
    (head, *_) = [
        line for line in (tmp_path / "out/tables.md").read_text().splitlines() if "|" in line
    ]
    assert [word.strip() for word in head.split("|")][3:-1] == [
        "own_task<br>Dice, fine-tuned",
        "Kvasir<br>Dice, fine-tuned",
        "DRIVE<br>Dice, fine-tuned",
    ]
    by_place = {(c["row"], c["source"], c["column"].split(",")[0]): c for c in cells}
    assert float(by_place["mine", "measured", "own_task"]["mean"]) == pytest.approx(30)
    mine = by_place["lvmmed_resnet50", "measured", "DRIVE"]
    assert (float(mine["mean"]), float(mine["published"])) == (pytest.approx(70), 66.97)
    assert by_place["lvmmed_resnet50", "measured", "own_task"]["published"] == ""
    assert ("LVM-Med, ResNet-50", "published", "Kvasir") in by_place
    assert {column for _, source, column in by_place if source == "published"} == {
        "Kvasir",
        "DRIVE",
    }
    files = {path.name for path in (tmp_path / "out").glob("*.tex")}
    assert files == {"selection.tex", "provenance.tex", "tables.tex"}
    assert r"\label{tab:selection-release}" in (tmp_path / "out/selection.tex").read_text()


def test_an_own_task_alone_has_no_group_of_the_paper(
    write: Callable[..., Path], run: Run, tmp_path: Path
) -> None:
    for name, value in (("a", 0.4), ("b", 0.5)):
        write(name, value, LVMMED, task="own_task", dataset="own", metric="kappa")
    run("--columns", "own_task")
    text = (tmp_path / "out/tables.md").read_text()
    assert "| *Backbones* |" in text and "No row of the paper" not in text
    assert "own_task<br>kappa, fine-tuned" in text and "<ins>**50.00**</ins>" in text
    assert "published" not in text.partition("\n- ")[0]


def test_protocols_of_a_task_are_columns_or_chosen(write: Callable[..., Path], run: Run) -> None:
    for protocol, value in (("finetune", 0.7), ("prompt", 0.6)):
        write("lvmmed_vit_b", value, VIT, protocol=protocol)
    both = run("--columns", "drive")
    assert order(both, "column") == ["DRIVE, Dice, fine-tuned", "DRIVE, Dice, box prompts"]
    mine = [c for c in both if c["source"] == "measured"]
    assert [float(c["published"]) for c in mine] == [65.49, 63.01], (
        "of two rows of the paper's table"
    )
    assert order(mine, "row") == ["lvmmed_vit_b"], "one backbone is one row"
    assert order(run("--columns", "drive:prompt"), "column") == ["DRIVE, Dice, box prompts"]


def test_prompts_of_sam_stand_below_the_row_that_they_repeat(
    write: Callable[..., Path], run: Run
) -> None:
    sam = {**VIT, "backbone.method": "Segment Anything", "backbone.corpus": "SA-1B"}
    for protocol, value in (("finetune", 0.7), ("prompt", 0.6)):
        write("sam_vit_b", value, sam, protocol=protocol)
    mine = [c for c in run("--columns", "drive") if c["source"] == "measured"]
    assert [(c["group"], float(c["published"])) for c in mine] == [
        ("foundation", 64.04), ("prompt", 59.74),
    ]  # fmt: skip


def test_tasks_of_a_data_set_fill_its_columns(write: Callable[..., Path], run: Run) -> None:
    """FGADR is the data set of two tasks; the paper has it in four protocols."""
    for protocol in ("linear", "finetune"):
        write("lvmmed_resnet50", 0.7, {**LVMMED, **CLASSIFICATION}, task=f"fgadr_{protocol}",
              dataset="fgadr", protocol=protocol)  # fmt: skip
    assert len(order(run("--columns", "fgadr"), "column")) == 4
    one = run("--columns", "fgadr:linear")
    assert order(one, "column") == ["FGADR, accuracy, linear"]
    by_task = run("--columns", "fgadr_linear")
    assert order(by_task, "column") == ["fgadr_linear, accuracy, linear"]
    for cells in (one, by_task):
        (mine,) = [c for c in cells if c["source"] == "measured"]
        assert float(mine["published"]) == 68.33


def test_an_own_task_of_a_known_data_set_is_not_mixed_with_it(
    write: Callable[..., Path], run: Run
) -> None:
    write("a", 0.7, LVMMED)
    write("a", 0.6, LVMMED, task="drive_mine")
    cells = run("--columns", "drive_mine", "drive")
    assert [float(c["mean"]) for c in cells if c["source"] == "measured"] == [
        pytest.approx(60), pytest.approx(70),
    ]  # fmt: skip


def test_a_task_may_have_a_colon_in_its_name(write: Callable[..., Path], run: Run) -> None:
    write("a", 0.7, task="mine:drive", dataset="x")
    assert order(run("--columns", "mine:drive"), "column") == ["mine:drive, Dice, fine-tuned"]


def test_published_columns_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tables", "--columns", "kvasir:finetune"]) == 0
    said = capsys.readouterr().out
    assert said.count("## ") == 1 and "86.76" in said and "90.09" not in said


# Rows.


def test_only_these_rows_in_this_order(write: Callable[..., Path], run: Run) -> None:
    for name in ("lvmmed_resnet50", "other"):
        write(name, 0.7, LVMMED)
    chosen = ["other", "Random, ResNet-50", "LVM-Med, ResNet-50"]
    cells = run("--rows", *chosen)
    of_table2 = [c for c in cells if c["table"] == "table2"]
    assert order(of_table2, "row") == chosen
    (mine,) = [c for c in of_table2 if c["source"] == "measured"]
    assert float(mine["published"]) == 66.97
    assert "appendix_table_prompt_3d" not in order(cells, "table"), "it keeps no row"
    assert {"table3", "table5"} <= set(order(cells, "table"))


def test_the_best_is_that_of_the_rows_that_are_left(run: Run, write: Callable[..., Path]) -> None:
    write()
    cells = run("--rows", "Random, ResNet-50", "ImageNet, ResNet-50", "--table", "table4")
    best = {c["row"] for c in cells if c["best"] == "True"}
    assert best == {"ImageNet, ResNet-50"}


def test_rows_and_columns_together(write: Callable[..., Path], run: Run, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(name, 0.7, LVMMED, task="own_task", dataset="own")
    cells = run("--columns", "own_task", "--rows", "b")
    assert [(c["row"], c["column"]) for c in cells] == [("b", "own_task, Dice, fine-tuned")]


def test_a_table_without_a_chosen_measured_row_has_published_figures_alone(
    write: Callable[..., Path], run: Run
) -> None:
    for profile in ("paper", "mini"):
        write("a", 0.7, LVMMED, profile=profile)
    cells = run("--rows", "LVM-Med, ResNet-50", "--table", "table2")
    assert [c["source"] for c in cells] == ["published"] * 6, "once, not once for each condition"


def test_a_row_without_a_figure_is_named(
    write: Callable[..., Path], run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    write("a", 0.7, LVMMED)
    write("b", 0.7, LVMMED, task="own_task", dataset="own")
    run("--rows", "a", "b", "--table", "table2")
    assert "\nb: no figure in these tables.\n" in capsys.readouterr().err


# What is unknown.


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--columns", "kvazir"], "Did you mean kvasir? Choose from drive, own_task, isic2018, "),
        (["--columns", "drive:linear"], "--columns drive:linear: no such protocol of drive. "),
        (["--columns", "drive", "--table", "table2"], "--table and --columns: "),
        (["--rows", "lvmed"], "--rows lvmed: no backbone of the records and no row of the paper. "),
        (["--rows", "LVM-Med ResNet50"], 'Did you mean LVM-Med, ResNet-50? Choose from lvmmed, "Random, ResNet-50", '),
        (["--rows", "CLIP, ViT-B", "--table", "table4"], "--rows CLIP, ViT-B: no figure in any of these tables."),
    ],
)  # fmt: skip
def test_unknown_names_are_one_line_with_the_choices(
    write: Callable[..., Path],
    tmp_path: Path,
    errors: Callable[..., list[str]],
    words: list[str],
    message: str,
) -> None:
    write("lvmmed")
    write("lvmmed", task="own_task", dataset="own")
    (line,) = errors("tables", tmp_path, *words)
    assert message in line
    assert not (tmp_path / "tables").exists()


# Tasks that stand in no table.


def test_what_fits_no_column_is_named_and_is_no_fault(
    write: Callable[..., Path], run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write("a", 0.7, LVMMED)
    for seed in (0, 1):
        write("a", 0.7, LVMMED, task="own_task", dataset="own", seed=seed)
    for protocol in ("linear", "finetune"):
        write("a", 0.7, LVMMED, task="two <ways>", dataset="own", protocol=protocol)
    run()
    said = [line for line in capsys.readouterr().err.splitlines() if "record" in line]
    assert said == [
        "own_task (finetune): fits no column of the paper's tables: 2 records. "
        "Show it with --columns own_task, or in the leaderboard.",
        "two <ways> (linear): fits no column of the paper's tables: 1 record. "
        "Show it with --columns 'two <ways>:linear', or in the leaderboard.",
        "two <ways> (finetune): fits no column of the paper's tables: 1 record. "
        "Show it with --columns 'two <ways>:finetune', or in the leaderboard.",
    ]
    text, page = ((tmp_path / f"out/tables.{form}").read_text() for form in ("md", "html"))
    assert "## In none of these tables" in text and r"two \<ways\>:linear" in text
    assert "own_task (finetune): fits no column" in page and "two &lt;ways&gt;" in page
    for name in ("own_task", "two <ways>:linear"):
        assert len(run("--columns", name)) == 1, "as advised"
        assert "fits no column" not in capsys.readouterr().err


def test_a_part_of_a_mean_that_lacks_the_others_is_named(
    write: Callable[..., Path], run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    detection = {**LVMMED, "kind": "detection", "metric": "map50"}
    write("a", 0.7, detection, task="kvasir_detection", dataset="kvasir")
    run()
    message = (
        "kvasir_detection (finetune): stands in the paper's tables only as part of a mean, "
        "and other parts are missing: 1 record. Show it with --columns kvasir_detection, "
    )
    assert message in capsys.readouterr().err
    write("a", 0.7, detection, task="vindr", dataset="vindr")
    run()
    assert "part of a mean" not in capsys.readouterr().err


def test_of_chosen_tables_those_are_meant(
    write: Callable[..., Path], run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    write("a", 0.7, LVMMED)
    run("--table", "table3", "table5")
    assert (
        "drive (finetune): fits no column of table3, table5: 1 record." in capsys.readouterr().err
    )
    run("--table", *TABLE_NAMES)
    assert "column" not in capsys.readouterr().err
