"""What figures say and leave out: ties, single seeds, incomplete rows, many backbones, numbers of images."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import QuadMesh
from matplotlib.text import Text

from lvmmed_backbones.records import read
from reports.__main__ import main
from reports.analysis.leaderboard import leaderboard
from reports.reading.scores import read_scores
from reports.render.figures import KINDS, USUAL
from reports.render.figures.plan import Plan, PlannedFigure, plan_figures
from reports.render.figures.plan_overall import mean_scores
from reports.render.figures.plan_tasks import pool_ranks
from reports.render.figures.planned import best_of_note, leading_names, ties_note
from reports.render.figures.style import assign_looks, distinct_looks, render_figure
from reports.render.text.leaderboard_text import provenance_notes

TASKS = ("drive", "buid", "jsrt", "kvasir", "isic2018")
Run = Callable[..., Path]


@pytest.fixture
def run(write: Callable[..., Path]) -> Run:
    """Write a run whose headline is the mean of its six cases: `run('lvmmed', 0.7, seed=1, task='buid')`."""

    def runner(backbone: str, value: float = 0.5, shifts: Any = None, **fields: Any) -> Path:
        drawn = np.random.default_rng(fields.get("seed", 0)).normal(value, 0.02, 6).round(6)
        cases = [{"case": f"c{n}", "dice": float(v)} for n, v in enumerate(drawn)]
        return write(backbone, float(drawn.mean()), cases=cases, **fields)

    return runner


def grid(run: Run, backbones: dict[str, float], seeds: int = 3, tasks: Any = TASKS) -> None:
    """Every backbone, by its score, on every task."""
    for task in tasks:
        for backbone, value in backbones.items():
            for seed in range(seeds):
                run(backbone, value, task=task, seed=seed)


def planned(results: Path, **more: Any) -> Plan:
    records, problems = read(results)
    assert not problems
    return plan_figures(records, **more)


def of_kind(made: Plan, kind: str) -> PlannedFigure:
    return next(figure for figure in made.figures if figure.kind == kind)


def said(figure: PlannedFigure) -> list[str]:
    return [text.get_text().replace("\n", " ") for text in figure.draw().findobj(Text)]


def test_ties_are_said_and_stand_in_alphabetical_order(run: Run, tmp_path: Path) -> None:
    grid(run, {"c": 0.6, "b": 0.6, "a": 0.5, "d": 0.4})
    made = planned(tmp_path)
    for kind in ("bars", "ranks"):
        figure = of_kind(made, kind)
        assert "Equal, in alphabetical order: b, c." in figure.note, kind
        axes = figure.draw().axes[0]
        assert [label.get_text() for label in axes.get_yticklabels()] == ["b", "c", "a", "d"]
    assert "ties all take the better rank" in of_kind(made, "ranks").note
    critical = of_kind(made, "critical-difference")
    assert "ties share the average rank. Joined: no significant difference by" in critical.note
    assert sum("1.50" in words for words in said(critical)) == 2


def test_without_ties_there_is_no_word_of_them(run: Run, tmp_path: Path) -> None:
    grid(run, {"a": 0.5, "b": 0.6})
    assert not any("Equal" in figure.note for figure in planned(tmp_path).figures)


def test_single_seeds_are_said(run: Run, tmp_path: Path) -> None:
    grid(run, {"a": 0.5, "b": 0.6, "c": 0.7}, seeds=1)
    made = planned(tmp_path)
    for kind in ("bars", "ranks", "cases", "critical-difference", "cost"):
        assert "One seed each: says nothing of other seeds." in of_kind(made, kind).note, kind
    grid(run, {"d": 0.55}, seeds=2)
    made = planned(tmp_path)
    assert "One seed of some: says nothing of their other seeds." in of_kind(made, "cost").note


def test_who_lacks_a_task_is_named_and_takes_none_away(run: Run, tmp_path: Path) -> None:
    grid(run, {"a": 0.5, "b": 0.6, "c": 0.7})
    run("late", 0.9, task="drive")
    run("a", 0.5, task="vindr")
    made = planned(tmp_path)
    for kind in ("critical-difference", "profiles", "cost"):
        figure = of_kind(made, kind)
        assert "Not ranked: late (1 of 5 tasks)." in figure.note, kind
        assert "Left out, since few backbones have it: vindr (finetune)." in figure.note, kind
        assert not any("late" in words for words in said(figure) if "ranked" not in words), kind


def test_cost_is_against_the_score_of_the_leaderboard(run: Run, tmp_path: Path) -> None:
    """The tasks' metrics have scales of their own: their plain mean would be no percentage of anything."""
    rng = np.random.default_rng(0)
    for task in TASKS:
        for backbone in "abcd":
            run(backbone, rng.uniform(0.2, 0.9), task=task)
    records, _ = read(tmp_path)
    expected = leaderboard(records).score
    found = mean_scores(read_scores(records))
    pd.testing.assert_series_equal(found.sort_index(), expected.sort_index(), check_names=False)
    figure = of_kind(plan_figures(records), "cost")
    assert "0 is the worst mean of a task and 100 the best" in figure.note
    axes = figure.draw().axes[0]
    assert axes.get_ylabel() == "mean normalised score"
    drawn = sorted(line.get_ydata()[0] for line in axes.lines if line.get_label() != "_front")
    np.testing.assert_allclose(drawn, np.sort(100 * expected))


def test_of_many_backbones_the_leading_ones_are_shown(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("planned", "plan_tasks"):
        monkeypatch.setattr(f"reports.render.figures.{module}.MOST_SHOWN", 3)
    grid(run, {f"b{n}": 0.3 + 0.05 * n for n in range(5)})
    for fraction in (0.5, 0.1):
        for n in range(5):
            run(f"b{n}", 0.1 + 0.05 * n, task="drive", label_fraction=fraction)
    made = planned(tmp_path)
    for kind in ("bars", "ranks", "cases", "critical-difference", "profiles", "cost", "labels"):
        figure = of_kind(made, kind)
        assert "The best 3 of 5 backbones." in figure.note, kind
        shown = " ".join(said(figure))
        assert all(name in shown for name in ("b4", "b3", "b2")), kind
        assert "b1" not in shown and "b0" not in shown, kind
    axes = of_kind(made, "ranks").draw().axes[0]
    (mesh,) = [one for one in axes.collections if isinstance(one, QuadMesh)]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "2", "3", ">3"]
    np.testing.assert_allclose(np.ma.filled(mesh.get_array(), 0).reshape(3, 4).sum(1), 1)


def test_ranks_beyond_the_last_are_one() -> None:
    shares = pd.DataFrame(np.eye(42), columns=range(1, 43))
    found = pool_ranks(shares)
    assert list(found.columns) == [*range(1, 41), ">40"]
    assert (found.sum(axis="columns") == 1).all() and found[">40"].sum() == 2
    assert pool_ranks(shares.iloc[:, :40]).shape[1] == 40


def test_a_legend_tells_two_hundred_backbones_apart() -> None:
    styles = assign_looks(f"b{n:03}" for n in range(200))
    shown = ["b000", "b088", "b176", "b001"]
    apart = distinct_looks(styles, shown)
    assert len({(apart[name].colour, apart[name].marker) for name in shown}) == 4
    assert [apart[name].name for name in shown] == shown
    assert distinct_looks(styles, shown[2:]) is styles


def test_curves_tell_images_and_patients(run: Run, tmp_path: Path) -> None:
    for share, images in ((0.1, (80, 84)), (1.0, (800, 800))):
        for seed in (0, 1):
            for backbone in "ab":
                counts = {"train": images[seed], "test": 9}
                run(backbone, 0.5, task="drive", label_fraction=share, seed=seed,
                    fields={"data.counts": counts})  # fmt: skip
                counts = counts | {"train_patients": 1 if share < 1 else 12}
                run(backbone, 0.5, task="jsrt", label_fraction=share, seed=seed,
                    fields={"data.counts": counts})  # fmt: skip
    notes = {f.task: f.note for f in planned(tmp_path, kinds=["labels"]).figures}
    assert ". 10 %: 80 to 84 images; 100 %: 800 images." in notes["drive"]
    assert (
        ". 10 %: 80 to 84 images of 1 patient; 100 %: 800 images of 12 patients." in notes["jsrt"]
    )


def test_patients_are_not_counted_among_the_images(run: Run, tmp_path: Path) -> None:
    run("a", fields={"data.counts": {"train": 80, "test": 9, "train_patients": 12}})
    assert "Images: drive 80 train + 9 test." in provenance_notes(read(tmp_path)[0])


def test_shares_in_other_metrics_are_no_curve(run: Run, write: Any, tmp_path: Path) -> None:
    run("a", 0.5, task="drive")
    cases = [{"case": f"c{n}", "iou": 0.4} for n in range(6)]
    write("a", 0.4, task="drive", label_fraction=0.1, metric="iou", metrics={}, cases=cases)
    assert not planned(tmp_path, kinds=["labels"]).figures


def test_one_bad_figure_is_named_and_the_others_are_drawn(write: Any, tmp_path: Path) -> None:
    """On one task the backbones have no case in common."""
    for task, other in (("drive", "d"), ("jsrt", "c")):
        for backbone, case in (("a", "c"), ("b", other)):
            cases = [{"case": f"{case}{n}", "dice": 0.1 * n} for n in range(6)]
            write(backbone, 0.25, task=task, cases=cases)
    made = planned(tmp_path)
    (problem,) = made.problems
    assert "ranks of drive (finetune): not drawn: " in problem and "no case in common" in problem
    assert {(f.kind, f.task) for f in made.figures} >= {
        ("bars", "drive"), ("cases", "drive"), ("bars", "jsrt"), ("ranks", "jsrt"),
    }  # fmt: skip


def test_the_order_of_the_records_is_no_part_of_a_figure(run: Run, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    for task in TASKS:
        for backbone in "abcd":
            for seed in range(3):
                run(backbone, rng.uniform(0.4, 0.6), task=task, seed=seed)
    records, _ = read(tmp_path)
    expected = {f.name: f for f in plan_figures(records).figures}
    found = {
        f.name: f for f in plan_figures(random.Random(0).sample(records, len(records))).figures
    }
    assert set(found) == set(expected)
    for name, figure in found.items():
        assert figure.note == expected[name].note
        if figure.task in (None, "drive"):
            assert render_figure(figure.draw(), "svg") == render_figure(
                expected[name].draw(), "svg"
            ), name


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"gallery", "pretraining", "labels"}))
def test_a_kind_alone(run: Run, tmp_path: Path, kind: str) -> None:
    grid(run, {"a": 0.5, "b": 0.6, "c": 0.7})
    assert {figure.kind for figure in planned(tmp_path, kinds=[kind]).figures} == {kind}


def test_kinds_of_the_command(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for backbone in "ab":
        gallery = run(backbone).parent / "gallery"
        gallery.mkdir()
        (gallery / "gallery.json").write_text("{")
    words = ["figures", str(tmp_path / "runs"), "--out", str(tmp_path / "out")]
    assert main(words) == 0
    assert (
        "not drawn: galleries of 2 runs: `--kind gallery` draws them.\n" in capsys.readouterr().err
    )
    assert main([*words, "--kind", "bars"]) == 0
    shown = capsys.readouterr()
    assert shown.err == "" and {Path(line).name for line in shown.out.splitlines()} == {
        "bars-drive-finetune.svg", "bars-drive-finetune.png",
    }  # fmt: skip
    assert main([*words, "--kind", "gallery"]) == 1
    assert capsys.readouterr().err.count("gallery.json: ") == 2
    with pytest.raises(SystemExit):
        main([*words, "--kind", "bar"])
    assert "choose from" in capsys.readouterr().err
    assert set(KINDS) - set(USUAL) == {"gallery"}


def test_sentences() -> None:
    assert best_of_note(40) == "" and best_of_note(200) == "The best 40 of 200 backbones."
    many = {f"b{n}": 0.5 for n in range(9)}
    words = ties_note(many, assign_looks(many))
    assert words == "Equal, in alphabetical order: b0, b1, b2, b3, b4, b5, and 3 more."
    assert leading_names({"b": 0.1 + 0.2, "a": 0.3, "c": 0.4}) == ["c", "a", "b"]
