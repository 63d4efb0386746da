"""The grid and the profiles, without torch."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchmarks import profiles
from benchmarks.grid import RunSpec, combinations
from tasks import registry


def test_a_plan_is_every_combination_task_by_task() -> None:
    specs = combinations(["drive", "buid"], ["a", "b"], "mini", [0, 1], [0.05, 1.0])
    assert len(set(specs)) == 16
    assert [c.task for c in specs] == ["drive"] * 8 + ["buid"] * 8
    assert str(specs[0]) == "drive a 5% seed 0"
    assert str(RunSpec("drive", "a", "mini", 0)) == "drive a seed 0"


def test_a_task_may_have_seeds_of_its_own() -> None:
    specs = combinations(
        ["drive", "buid"], ["a"], "mini", [0, 1], seeds_of_tasks={"drive": [4], "bccd": [5]}
    )
    assert [(spec.task, spec.seed) for spec in specs] == [("drive", 4), ("buid", 0), ("buid", 1)]


def test_profiles_are_found_by_convention() -> None:
    assert {"mini", "paper"} <= set(profiles.names())
    for name in profiles.names():
        assert profiles.get(name).name == name
    with pytest.raises(ValueError, match="choose from evidence, hour, mini, open, paper, small"):
        profiles.get("huge")


def test_every_profile_with_budgets_covers_every_kind() -> None:
    kinds = {"segmentation", "volumes", "detection", "knn", "linear", "dense", "finetune"}
    prompt = {"prompt"}  # `mini` alone has a size for it
    for name in ("mini", "small", "evidence"):
        budgets = set(profiles.get(name).budgets)
        assert kinds <= budgets <= kinds | prompt | set(registry.names())


def test_help_and_wrong_words_do_not_wait_for_torch() -> None:
    code = "import benchmarks.__main__, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
