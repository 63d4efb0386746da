"""Records that contradict each other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lvmmed_backbones.records import read
from reports.reading.consistency import consistent_records


def names(records) -> list[str]:
    return [record.backbone.name for record in records]


def test_records_of_different_runs_all_stay(write: Callable[..., Path], tmp_path: Path) -> None:
    write("a", 0.1, seed=0)
    write("a", 0.2, seed=1)
    write("b", 0.3)
    write("a", 0.4, task="buid")
    write("a", 0.5, protocol="prompt")
    write("a", 0.6, profile="paper")
    write("a", 0.7, data_source="phantom")
    write("a", 0.8, label_fraction=0.1)
    write("a", 0.9, split="clean")
    write("a", 0.3, recipe="release")
    records, problems = consistent_records(read(tmp_path)[0])
    assert len(records) == 10
    assert not problems


def test_equal_copies_count_once(write: Callable[..., Path], tmp_path: Path) -> None:
    first = write("a", 0.5)
    write("a", 0.5, run="fedcba9876543210")
    records, problems = consistent_records(read(tmp_path)[0])
    assert [record.path for record in records] == [first]
    assert not problems


def test_contradicting_copies_are_all_left_out(write: Callable[..., Path], tmp_path: Path) -> None:
    one, two = write("a", 0.5, seed=4), write("a", 0.6, seed=4)
    write("b", 0.5, seed=4)
    records, (problem,) = consistent_records(read(tmp_path)[0])
    assert names(records) == ["b"]
    for part in (str(one), str(two), "a, seed 4", "dice 0.5000, dice 0.6000", "Delete the folders"):
        assert part in problem


def test_a_column_of_two_data_versions_is_left_out(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    one = write("a", 0.5)
    two = write("b", 0.6, {"data.fingerprint": "e" * 64})
    write("a", 0.7, task="buid")
    records, (problem,) = consistent_records(read(tmp_path)[0])
    assert [(record.backbone.name, record.task) for record in records] == [("a", "buid")]
    for part in (str(one), str(two), "drive (finetune)", "2 versions of its data", "e" * 64):
        assert part in problem


@pytest.mark.parametrize("fields", [{"kind": "volumes"}, {"metric": "iou"}])
def test_a_column_of_two_metrics_is_left_out(
    write: Callable[..., Path], tmp_path: Path, fields: dict
) -> None:
    write("a", 0.5)
    write("b", 0.6, fields)
    write("a", 0.7, task="buid")
    records, (problem,) = consistent_records(read(tmp_path)[0])
    assert [record.task for record in records] == ["buid"]
    assert "2 headline metrics" in problem


def test_a_row_of_two_weights_is_left_out(write: Callable[..., Path], tmp_path: Path) -> None:
    write("a", 0.5, {"backbone.weights_sha256": "ab" * 32})
    write("a", 0.6, {"backbone.weights_sha256": "cd" * 32}, task="buid")
    write("b", 0.7)
    records, (problem,) = consistent_records(read(tmp_path)[0])
    assert names(records) == ["b"]
    assert "a, profile small: 2 weights files" in problem


def of_seed(seed: int | None, weights: str) -> dict:
    return {"backbone.pretraining_seed": seed, "backbone.weights_sha256": weights * 32}


def test_a_row_of_several_pretraining_seeds_stays(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    for task in ("drive", "buid"):
        write("a", 0.5, of_seed(0, "ab"), seed=0, task=task)
        write("a", 0.6, of_seed(1, "cd"), seed=1, task=task)
    records, problems = consistent_records(read(tmp_path)[0])
    assert len(records) == 4
    assert not problems


def test_two_weights_of_one_pretraining_seed_are_left_out(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    write("a", 0.5, of_seed(0, "ab"), seed=0)
    one = write("a", 0.6, of_seed(1, "cd"), seed=1)
    two = write("a", 0.7, of_seed(1, "ef"), seed=1, task="buid")
    records, (problem,) = consistent_records(read(tmp_path)[0])
    assert [record.seed for record in records] == [0]
    for part in ("a, pretraining seed 1, profile small: 2 weights files", str(one), str(two)):
        assert part in problem


def test_a_row_with_and_without_pretraining_seeds_is_left_out(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    one = write("a", 0.5, of_seed(0, "ab"), seed=0)
    two = write("a", 0.6, of_seed(None, "ab"), seed=1)
    write("b", 0.7)
    records, (problem,) = consistent_records(read(tmp_path)[0])
    assert names(records) == ["b"]
    for part in ("a, profile small: 2 kinds of weights", f"seeds: {one}", f"every seed: {two}"):
        assert part in problem


def test_copies_with_and_without_a_pretraining_seed_are_left_out(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    write("a", 0.5, of_seed(0, "ab"))
    write("a", 0.5, of_seed(None, "ab"))
    records, (problem,) = consistent_records(read(tmp_path)[0])
    assert not records
    assert "2 records that disagree on drive (finetune), a, seed 0" in problem


@pytest.mark.parametrize("values", [(0.5, 0.5), (0.5, 0.6)])
@pytest.mark.parametrize("backbones", ["aa", "ab"])
def test_a_column_of_two_numbers_of_threads_is_left_out(
    write: Callable[..., Path], tmp_path: Path, backbones: str, values: tuple
) -> None:
    """Of two runs, and of one run twice, even if its headline is the same."""
    one = write(backbones[0], values[0], threads=1)
    two = write(backbones[1], values[1], threads=4)
    write("a", 0.7, task="buid", threads=4)
    records, (problem,) = consistent_records(read(tmp_path)[0])
    assert [record.task for record in records] == ["buid"]
    for part in ("drive (finetune), profile small: 2 numbers of threads", f"1: {one}", f"4: {two}"):
        assert part in problem


def test_only_the_newest_version_of_a_task_stays(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    """Whatever the order, the split, the protocol, the share of the labels and the data of its version."""
    older = [write("a", 0.1, {"data.fingerprint": "e" * 64}, seed=seed) for seed in range(5)]
    write("a", 0.2, task_version=3)
    second = write("b", 0.3, task_version=2, split="clean")
    older.append(write("b", 0.4, label_fraction=0.1, protocol="prompt"))
    write("a", 0.5, task="buid", task_version=2)
    write("a", 0.6, profile="paper")
    write("a", 0.7, data_source="phantom")
    write("a", 0.8, recipe="release")
    records, problems = consistent_records(read(tmp_path)[0])
    assert [(record.task_version, record.value) for record in records] == [
        (3, 0.2), (2, 0.5), (1, 0.6), (1, 0.7), (1, 0.8)
    ]  # fmt: skip
    first, of_second = problems
    assert ", ".join(map(str, older[:3])) + " and 3 more: " in first.replace(", and", " and")
    for part in (
        "version 1 of drive",
        "measured figures of profile small",
        "are of version 3",
        "6 of its records",
    ):
        assert part in first
    assert of_second.startswith(f"{second}: version 2 of drive") and "1 of its rec" in of_second


def test_tables_apart_may_differ(write: Callable[..., Path], tmp_path: Path) -> None:
    write("a", 0.5)
    write("a", 0.6, {"data.fingerprint": "e" * 64}, data_source="phantom")
    records, problems = consistent_records(read(tmp_path)[0])
    assert len(records) == 2
    assert not problems
