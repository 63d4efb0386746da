"""The published figures: as many as there are, in range, with the averages that the paper quotes."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from reports.published import COLUMNS, FILE, read
from reports.render.text.leaderboard_text import published_text

HEAD = ",".join(COLUMNS)
GOOD = "table2,prompt,SAM,sam_vit_b,drive,finetune,dice_2d,59.74,0.63,3,"


def test_all_figures_are_there() -> None:
    figures = read()
    assert len(figures) == 316
    assert figures["table"].value_counts().to_dict() == {
        "table2": 95, "table3": 60, "table4": 52, "table5": 48, "table6": 10,
        "appendix_table_cls": 24, "appendix_table_prompt_3d": 9, "appendix_table_ablation": 12,
        "appendix_table_params": 6,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("table", "group", "backbone", "count", "average"),
    [
        ("table2", "2d_ssl_medical", "resnet50", 5, 83.05),
        ("table3", "2d_ssl_medical", "resnet50", 3, 79.02),  # 79.03 from the printed cells
        ("table2", "prompt", "sam_vit_b", 5, 85.80),
        ("appendix_table_prompt_3d", "prompt", "sam_vit_b", 3, 80.90),
    ],
)
def test_averages_are_those_that_the_paper_quotes(
    table: str, group: str, backbone: str, count: int, average: float
) -> None:
    figures = read().query(
        "table == @table and group == @group and backbone == @backbone and method == 'LVM-Med'"
    )
    assert len(figures) == count
    assert figures["mean"].mean() == pytest.approx(average, abs=0.0101)


def test_the_misprint_is_left_empty_and_said() -> None:
    figures = read()
    (misprint,) = figures[figures["std"].isna() & figures["trials"].notna()].itertuples()
    assert (misprint.method, misprint.task) == ("DINO", "mmwhs_mri")
    assert "misprint" in misprint.note


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (GOOD.replace("59.74", "159.74"), "mean is 159.74, not in"),
        (GOOD.replace("59.74", "-1"), "mean is -1.0, not in"),
        (GOOD.replace("59.74", "good"), "mean is good, no number"),
        (GOOD.replace("59.74", ""), "mean is nan, not in"),
        (GOOD.replace("0.63", "-0.63"), "std is -0.63, negative"),
        (GOOD.replace("SAM", " "), "method is  , empty"),
        (GOOD.replace("dice_2d,59.74", "params_millions,0"), "mean is 0.0, not positive"),
        (GOOD + "\n" + GOOD, "line 3: table is table2, a figure that is there twice"),
    ],
)
def test_a_wrong_figure_is_named_with_its_line(tmp_path: Path, line: str, message: str) -> None:
    file = tmp_path / "figures.csv"
    file.write_text(f"{HEAD}\n{line}\n")
    with pytest.raises(ValueError, match=message) as caught:
        read(file)
    assert str(caught.value).startswith(f"{file}, line ")


def test_other_columns_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "figures.csv"
    file.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match=f"{file}: columns a, b; not table, "):
        read(file)


def test_a_sound_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "figures.csv"
    file.write_text(f"{HEAD}\n{GOOD}\n")
    (figure,) = read(file).itertuples()
    assert (figure.mean, figure.std, figure.trials, figure.note) == (59.74, 0.63, 3, "")
    assert FILE.is_file()


def test_the_board_of_published_figures_names_metrics_and_marks_who_leads() -> None:
    facts = dict(kind="segmentation", task="drive", protocol="finetune", metric="dice", std=0.01)
    figures = [("a", 0.6), ("b", 0.7), ("c", 0.7)]
    cells = [dict(facts, backbone=name, mean=mean) for name, mean in figures]
    sheet = published_text(pd.DataFrame(cells))
    assert [caption for _, caption in sheet.columns] == ["Dice, finetune"]
    assert [row.cells[0] and row.cells[0].bold for row in sheet.rows] == [False, True, True]
    equal = published_text(pd.DataFrame(cells[1:]))
    assert [row.cells[0] and row.cells[0].bold for row in equal.rows] == [False, False]
    assert not any("Bold" in note for note in equal.notes)
