"""The numbers of the comparison view: each pair once, and as the command has them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from lvmmed_backbones.records import read
from reports.__main__ import main
from reports.analysis.compare import compare, task_label
from reports.reading.consistency import group_by
from reports.reading.scores import read_scores

VERDICTS = {1: "A", -1: "B", 0: "open", None: "untested"}


def content(path: Path) -> Any:
    """What a script of data sets."""
    return json.loads(path.read_text().partition(" = ")[2].removesuffix(";\n"))


def pairs_of(site: Path) -> dict[tuple[str, str, str], list[list[Any]]]:
    """The rows of every pair, by condition and names."""
    index = content(site / "data" / "comparisons.js")
    names = [one["name"] for one in index["backbones"]]
    found = {}
    for name, one in zip(names, index["backbones"], strict=True):
        several = content(site / "data" / "comparisons" / f"{one['address']}.js")
        for which, pairs in zip(index["settings"], several, strict=True):
            for other, rows in pairs.items():
                found[which["title"], name, names[int(other)]] = rows
    return found


def test_every_pair_is_there_once(site: Path) -> None:
    found = pairs_of(site)
    for title, backbones in (("Measured on real images, profile small, all labels", 6),
                             ("Measured on real images, profile small, 10 % of the labels", 3),
                             ("Phantoms, profile mini, all labels", 3)):  # fmt: skip
        pairs = [frozenset(names) for where, *names in found if where == title]
        assert len(pairs) == len(set(pairs)) == backbones * (backbones - 1) // 2, title


def test_the_numbers_are_those_of_the_command(results: Path, site: Path) -> None:
    index = content(site / "data" / "comparisons.js")
    (tasks,) = (
        one["tasks"] for one in index["settings"] if one["title"].endswith("small, all labels")
    )
    records, _ = read(results)
    chosen = [r for r in records if r.profile == "small" and r.label_fraction == 1]
    of = {some[0].backbone: some for some in group_by(read_scores(chosen), lambda s: s.backbone)}
    found = {
        (a, b): rows
        for (where, a, b), rows in pairs_of(site).items()
        if where.endswith("small, all labels")
    }
    assert {frozenset(names) for names in found} == {
        frozenset(both) for both in combinations(of, 2)
    }
    seen = set()
    for (a, b), rows in found.items():
        for one in compare(of[a], of[b]).tasks:
            (row,) = (
                row for row in rows if tasks[row[0]]["name"] == task_label(one.task, one.protocol)
            )
            _, difference, low, high, p, better, seeds_a, seeds_b, cases, settle = row
            assert difference == pytest.approx(100 * one.difference, abs=0.006)
            assert [low, high] == pytest.approx(
                [100 * one.interval.low, 100 * one.interval.high], abs=0.006
            )
            assert p == pytest.approx(one.p_backbones, abs=1e-5)
            assert VERDICTS[better] == one.verdict
            assert (seeds_a, seeds_b, cases) == (one.seeds_a, one.seeds_b, one.cases)
            expected = one.seeds_to_settle
            assert settle == (0 if expected == float("inf") else expected)
            seen.add(one.verdict)
    assert {"A", "open"} <= seen


def test_a_task_that_one_lacks_is_left_out_and_the_others_stay(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    for seed in (0, 1):
        for name in "abc":
            write(name, 0.5 + 0.01 * seed, seed=seed)
            if name != "b":
                write(name, 0.6 + 0.02 * seed, seed=seed, task="other")
    assert main(["site", str(tmp_path / "runs"), "--out", str(tmp_path / "site")]) == 0
    rows = {
        frozenset(names): len(rows) for (_, *names), rows in pairs_of(tmp_path / "site").items()
    }
    assert rows == {frozenset("ab"): 1, frozenset("bc"): 1, frozenset("ac"): 2}


def test_one_seed_is_untested(write: Callable[..., Path], tmp_path: Path) -> None:
    cases = [{"case": f"{n}", "dice": 0.5} for n in range(8)]
    write("a", 0.5, cases=cases)
    write("b", 0.9, cases=[case | {"dice": 0.9} for case in cases])
    assert main(["site", str(tmp_path / "runs"), "--out", str(tmp_path / "site")]) == 0
    (rows,) = pairs_of(tmp_path / "site").values()
    ((_, difference, low, high, p, better, *_, settle),) = rows
    assert abs(difference) == 40 and [low, high, p, better, settle] == [None] * 5
    said = (tmp_path / "site" / "tasks" / "drive.html").read_text()
    assert "<td>untested</td>" in said and "100 %" not in said


def test_backbones_without_a_common_case_are_named_and_the_others_compared(
    write: Callable[..., Path], tmp_path: Path, capsys
) -> None:
    for seed in (0, 1):
        for name, first in (("a", 0), ("b", 4), ("c", 20)):
            rows = [{"case": f"{n:02}", "dice": 0.5} for n in range(first, first + 8)]
            write(name, 0.5, seed=seed, cases=rows)
    assert main(["site", str(tmp_path / "runs"), "--out", str(tmp_path / "site")]) == 1
    said = capsys.readouterr().err
    assert re.search(
        r"drive \(finetune\): 2 pairs of backbones .*without a case in common: a, c", said
    )
    pairs = {frozenset(names) for _, *names in pairs_of(tmp_path / "site")}
    assert frozenset("ab") in pairs
    said = (tmp_path / "site" / "tasks" / "drive.html").read_text()
    assert said.count("<td>untested</td>") == 2, "those without spread, those without a common case"
