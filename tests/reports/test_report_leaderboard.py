"""Means, spreads and ranks against scipy and the standard library."""

from __future__ import annotations

import io
import itertools
import math
import statistics
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from lvmmed_backbones.records import Backbone, Data, Provenance, StoredRecord
from reports.analysis.leaderboard import in_metric, leaderboards, long_table
from reports.render.text.leaderboard_text import leaderboard_notes, leaderboard_text

# A coarse grid, so that ties are common.
values = st.integers(0, 20).map(lambda n: n / 20)


def record(backbone: str, value: float, task: str = "drive", seed: int = 0, **more) -> StoredRecord:
    facts = dict(
        path=Path(f"{task}/{backbone}/{seed}/record.json"), results=Path(), task_version=1, dataset=task,
        kind="segmentation", protocol="finetune", profile="small", threads=1, split="published", label_fraction=1.0,
        data_source="measured", metric="dice", data=Data("f", complete=True, counts={"test": 2}),
        provenance=Provenance({"torch": "2.11.0"}, {"cores": 2}, None, "2026-01-01T00:00:00+00:00"),
        run="0123456789abcdef", metrics={}, cost={},
    )  # fmt: skip
    weights = {name: more.pop(name, None) for name in ("weights_sha256", "pretraining_seed")}
    described = Backbone(backbone, "ResNet-50", "random", "none", parameters=1, **weights)
    return StoredRecord(**{**facts, **more}, backbone=described, value=value, task=task, seed=seed)


def only(records: Sequence[StoredRecord]):
    (board,) = leaderboards(records)
    return board


def test_a_split_of_the_suite_where_the_papers_is_not_published_is_said() -> None:
    of_suite = record("a", 0.5, "vessels", dataset="drive")
    published = (
        record("a", 0.5, "kvasir"),
        record("a", 0.5, "boxes", dataset="vindr", kind="detection"),
    )
    polyps = record("a", 0.5, "polyps", dataset="kvasir", kind="detection")
    words = "Split by this suite, since the paper's authors published no split: "
    assert f"{words}polyps, vessels." in leaderboard_notes(only([of_suite, *published, polyps]), 4)
    assert not any(words in note for note in leaderboard_notes(only(published), 2))


@st.composite
def full_grids(draw) -> dict[tuple[str, str], list[float]]:
    """A value per seed for every task and backbone."""
    tasks, backbones, seeds = (draw(st.integers(1, most)) for most in (4, 5, 3))
    cells = itertools.product(
        (f"task{t}" for t in range(tasks)), (f"b{b}" for b in range(backbones))
    )
    return {cell: draw(st.lists(values, min_size=seeds, max_size=seeds)) for cell in cells}


def records_of(grid: dict[tuple[str, str], list[float]]) -> list[StoredRecord]:
    return [
        record(backbone, value, task, seed)
        for (task, backbone), by_seed in grid.items()
        for seed, value in enumerate(by_seed)
    ]


@settings(max_examples=40, deadline=None)
@given(full_grids())
def test_means_spreads_and_ranks_are_those_of_independent_libraries(grid) -> None:
    board = only(records_of(grid))
    assert len(board.cells) == len(grid)
    for cell in board.cells.itertuples():
        by_seed = grid[cell.task, cell.backbone]
        assert cell.mean == pytest.approx(statistics.fmean(by_seed), abs=1e-12)
        assert (cell.n, cell.seeds) == (len(by_seed), tuple(range(len(by_seed))))
        if len(by_seed) > 1:
            assert cell.std == pytest.approx(statistics.stdev(by_seed), abs=1e-12)
        else:
            assert math.isnan(cell.std)

    tasks = sorted({task for task, _ in grid})
    backbones = sorted({backbone for _, backbone in grid})
    means = [[round(statistics.fmean(grid[t, b]), 9) for b in backbones] for t in tasks]
    expected = [rankdata([-mean for mean in row], method="average") for row in means]
    for number, backbone in enumerate(backbones):
        mean_rank = statistics.fmean(row[number] for row in expected)
        assert board.mean_rank[backbone] == pytest.approx(mean_rank)
    assert board.ranked == len(tasks)
    assert board.mean_rank.is_monotonic_increasing

    for task, row in zip(tasks, means, strict=True):
        best = {b for b, mean in zip(backbones, row, strict=True) if mean == max(row)}
        cells = board.cells[board.cells["task"] == task]
        led = best if max(row) > min(row) else set()
        assert set(cells.loc[cells["best"], "backbone"]) == led


@settings(max_examples=25, deadline=None)
@given(full_grids(), st.randoms())
def test_the_order_of_records_changes_nothing(grid, random) -> None:
    records = records_of(grid)
    shuffled = random.sample(records, len(records))
    pd.testing.assert_frame_equal(only(records).cells, only(shuffled).cells)
    pd.testing.assert_series_equal(only(records).mean_rank, only(shuffled).mean_rank)


@settings(max_examples=25, deadline=None)
@given(full_grids())
def test_ranks_of_a_full_table_add_up(grid) -> None:
    board = only(records_of(grid))
    n = len(board.mean_rank)
    assert board.mean_rank.sum() == pytest.approx(n * (n + 1) / 2)


def grid_of(tasks: dict[str, int]) -> list[StoredRecord]:
    """Backbones, each on as many of the tasks t0, t1 ...; the later ones are better."""
    return [
        record(backbone, 0.1 * place, f"t{task:02}")
        for place, (backbone, number) in enumerate(tasks.items(), 1)
        for task in range(number)
    ]


def test_a_backbone_of_one_task_takes_no_task_from_the_others_and_does_not_lead() -> None:
    board = only(grid_of({"a": 15, "b": 15, "quick": 1}))
    assert board.ranked == 15 and board.missing == {"quick": 1}
    assert board.mean_rank.dropna().to_dict() == {"b": 1.0, "a": 2.0}
    assert list(board.mean_rank.index) == ["b", "a", "quick"] and math.isnan(board.score["quick"])
    said = leaderboard_text(board)
    assert said.rows[-1].mean_rank == "1 of 15 tasks, not ranked"
    assert any("Rows that lack one of them are not ranked." in note for note in said.notes)


def test_many_backbones_of_one_task_take_none_away_either() -> None:
    board = only(grid_of({"a": 15, "b": 15, **{f"quick{n}": 1 for n in range(12)}}))
    assert board.ranked == 15 and len(board.missing) == 12


def test_a_task_that_few_were_run_on_takes_no_backbone_away() -> None:
    board = only(grid_of({"a": 15, "b": 15, "c": 15, "own": 16}))
    assert board.ranked == 15 and not board.missing
    assert board.mean_rank.index[0] == "own"


def test_one_missing_task_is_enough_to_stand_below() -> None:
    board = only(grid_of({"a": 15, "b": 15, "best": 14}))
    assert board.ranked == 15 and board.missing == {"best": 14}


def test_without_a_complete_row_there_is_no_rank() -> None:
    board = only([record("b", 0.1, "x"), record("a", 0.9, "y")])
    assert board.mean_rank.isna().all() and board.missing == {"a": 1, "b": 1}
    assert list(board.mean_rank.index) == ["a", "b"]
    assert any(
        note.startswith("No mean rank: no backbone has run all")
        for note in leaderboard_text(board).notes
    )


def test_nothing_is_best_among_equals() -> None:
    board = only([record("a", 0.5), record("b", 0.5)])
    assert not board.cells["best"].any() and list(board.cells["rank"]) == [1.5, 1.5]


def test_sums_in_another_order_are_a_tie() -> None:
    same = (0.1, 0.2, 0.3), (0.3, 0.2, 0.1)
    assert sum(same[0]) != sum(same[1])
    board = only(
        [
            record(b, v, seed=s)
            for b, some in zip("ab", same, strict=True)
            for s, v in enumerate(some)
        ]
    )
    assert board.mean_rank.to_dict() == {"a": 1.5, "b": 1.5}


def test_two_protocols_of_a_task_are_two_columns() -> None:
    board = only([record("a", 0.1), record("a", 0.9, protocol="prompt")])
    assert list(board.cells["protocol"]) == ["finetune", "prompt"]
    assert board.ranked == 2


def test_conditions_never_share_a_table_and_the_most_telling_comes_first() -> None:
    told = [
        dict(data_source="measured", profile="paper", label_fraction=1.0, split="published", recipe="suite"),
        dict(data_source="measured", profile="paper", label_fraction=1.0, split="clean", recipe="suite"),
        dict(data_source="measured", profile="paper", label_fraction=0.1, split="published", recipe="suite"),
        dict(data_source="measured", profile="paper", label_fraction=1.0, split="published", recipe="release"),
        dict(data_source="measured", profile="small", label_fraction=1.0, split="published", recipe="suite"),
        dict(data_source="measured", profile="mini", label_fraction=1.0, split="published", recipe="suite"),
        dict(data_source="measured", profile="my_own", label_fraction=1.0, split="published", recipe="suite"),
        dict(data_source="phantom", profile="paper", label_fraction=1.0, split="published", recipe="suite"),
        dict(data_source="phantom", profile="mini", label_fraction=1.0, split="published", recipe="suite"),
    ]  # fmt: skip
    told = [{**one, "overrides": ""} for one in told]
    told.insert(1, {**told[0], "overrides": "model.x.y=[1, 2], z.lr=0.1"})
    changed = {"z.lr": 0.1, "model.x.y": [1, 2]}
    boards = leaderboards(
        [
            record("a", 0.5, **{**one, "overrides": changed if one["overrides"] else {}})
            for one in reversed(told)
        ]
    )
    assert [board.condition._asdict() for board in boards] == told
    assert all(len(board.cells) == 1 for board in boards)


def test_tasks_stand_kind_by_kind() -> None:
    kinds = dict(a="classification", b="detection", c="volumes", d="segmentation", e="unheard_of")
    board = only([record("x", 0.5, task, kind=kind) for task, kind in kinds.items()])
    assert list(board.cells["task"]) == ["d", "c", "b", "a", "e"]


def test_protocols_stand_by_their_numbers() -> None:
    shots = [f"few_shot_{number}" for number in (10, 1, 5, 25)]
    board = only([record("x", 0.5, protocol=protocol) for protocol in shots])
    assert list(board.cells["protocol"]) == [f"few_shot_{number}" for number in (1, 5, 10, 25)]


def test_all_pretraining_seeds_of_a_backbone_are_one_row() -> None:
    several = [
        record("a", value, seed=seed, pretraining_seed=seed, weights_sha256=letter * 64)
        for seed, value, letter in ((1, 0.3, "b"), (0, 0.1, "a"))
    ]
    others = [record("b", 0.5, seed=seed, weights_sha256="c" * 64) for seed in (0, 1)]
    board = only([*several, *others, record("c", 0.4)])
    cells = board.cells.set_index("backbone")
    assert len(cells) == 3
    assert cells.loc["a", "mean"] == pytest.approx(0.2)
    assert cells.loc["a", "std"] == pytest.approx(statistics.stdev([0.1, 0.3]))
    assert cells.loc["a", "seeds"] == (0, 1)
    weights = long_table([board]).set_index("backbone")["weights_sha256"]
    assert weights["a"] == f"{'a' * 64} {'b' * 64}"
    assert weights["b"] == "c" * 64
    assert pd.isna(weights["c"])
    assert "Each seed has a pretraining of its own: a." in leaderboard_notes(board, 1)
    one = "One network each, so spreads and verdicts say nothing of other pretrainings: b."
    assert one in leaderboard_notes(board, 1)
    assert [note for note in leaderboard_notes(only(others), 1) if "pretraining" in note] == [one]
    assert not any("pretraining" in note for note in leaderboard_notes(only([record("c", 0.4)]), 1))
    own = record("own", 0.4)
    own.backbone.method = "unknown"  # a network of a user's own: no checksum, and not random
    assert one.replace(" b.", " own.") in leaderboard_notes(only([own]), 1)


def test_the_long_table_is_exact() -> None:
    third = 1 / 3
    odd = record("b", 0.2, data_source="phantom")
    odd.backbone.name = "b,=1\n"
    boards = leaderboards([record("a", third), record("a", 0.7, seed=1), odd])
    text = long_table(boards).to_csv(index=False)
    read = pd.read_csv(io.StringIO(text), float_precision="round_trip")
    assert list(read["mean"]) == [statistics.fmean([third, 0.7]), 0.2]
    assert list(read["data_source"]) == ["measured", "phantom"]
    assert list(read["backbone"]) == ["a", "b,=1\n"]
    assert list(read["seeds"].astype(str)) == ["0 1", "0"]
    assert read["std"].isna().tolist() == [False, True]
    names = ["data_source", "profile", "label_fraction", "split", "recipe", "overrides", "task"]
    assert list(read.columns[:7]) == names


@settings(max_examples=40, deadline=None)
@given(full_grids())
def test_scores_are_those_of_a_loop(grid) -> None:
    """On each task 0 is the worst mean and 1 the best; a task on which all are alike counts not."""
    board = only(records_of(grid))
    tasks, backbones = sorted({t for t, _ in grid}), sorted({b for _, b in grid})
    scaled: dict[str, list[float]] = {b: [] for b in backbones}
    for task in tasks:
        means = {b: round(statistics.fmean(grid[task, b]), 9) for b in backbones}
        low, high = min(means.values()), max(means.values())
        if high > low:
            for b in backbones:
                scaled[b].append((means[b] - low) / (high - low))
    for b in backbones:
        if scaled[b]:
            assert board.score[b] == pytest.approx(statistics.fmean(scaled[b]), abs=1e-6)
        else:
            assert math.isnan(board.score[b])
    assert list(board.score.index) == list(board.mean_rank.index)


def test_rows_stand_by_rank_or_by_score() -> None:
    """One is narrowly first twice, the other is far ahead once."""
    values = {"a": (0.51, 0.51, 0.1), "b": (0.50, 0.50, 0.9), "c": (0.0, 0.0, 0.0)}
    records = [record(b, v, f"t{n}") for b, some in values.items() for n, v in enumerate(some)]
    (by_rank,), (by_score,) = leaderboards(records), leaderboards(records, by="score")
    assert list(by_rank.mean_rank.index) == ["a", "b", "c"]
    assert list(by_score.mean_rank.index) == ["b", "a", "c"]
    assert list(dict.fromkeys(by_score.cells["backbone"])) == ["b", "a", "c"]
    assert by_score.score["c"] == 0


def test_a_board_of_another_metric_has_only_the_records_that_have_it() -> None:
    records = [
        record("a", 0.9, metrics={"dice": 0.9, "iou": 0.8}),
        record("b", 0.5, metrics={"dice": 0.5, "iou": None}),
        record("c", 0.7, task="x", metric="accuracy", metrics={"accuracy": 0.7, "kappa": -0.1}),
    ]
    (one,), (problem,) = in_metric(records, "iou")
    assert (one.backbone.name, one.metric, one.value) == ("a", "iou", 0.8)
    assert "drive/b/0/record.json: iou is undefined, left out" in problem
    (kappa,), none = in_metric(records, "kappa")
    assert (kappa.value, none) == (-0.1, [])
    (board,) = leaderboards([kappa], metric="kappa")
    assert board.metric == "kappa" and set(board.cells["metric"]) == {"kappa"}
    with pytest.raises(ValueError, match=r"--metric map: no record has it. Choose from accuracy, "):
        in_metric(records, "map")
