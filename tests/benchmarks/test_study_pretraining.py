"""A study that pretrains: three words in a file, two seeds of a method, its runs with the weights of their seed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import benchmarks

STUDY = """
question: Is my method better than nothing?
profile: mini
tasks: [brain_tumor_linear]
backbones: [mine, random_resnet18_half]
seeds: [0, 1]
pretrained:
  mine: {config: simclr_resnet18_mini, epochs: 1, seeds: [0, 1], overrides: {train_dataloader.batch_size: 16}}
"""


@pytest.mark.slow
def test_each_run_takes_the_pretraining_of_its_seed(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(STUDY)
    folders = dict(results=tmp_path / "results", work=tmp_path / "work")
    outlook = benchmarks.plan(tmp_path / "mine.yaml", **folders)
    assert outlook.pretrainings == ["mine (seed 0)", "mine (seed 1)"]
    plan = benchmarks.check(tmp_path / "mine.yaml", **folders)
    assert plan.later == ["mine"] and {r.spec.backbone for r in plan.runs} == {
        "random_resnet18_half"
    }
    endings = benchmarks.run(tmp_path / "mine.yaml", **folders)
    assert [ending.failure for ending in endings] == [""] * 4
    found = [json.loads(path.read_text()) for path in folders["results"].glob("runs/*/record.json")]
    mine = {r["seed"]: r["backbone"] for r in found if r["backbone"]["name"] == "mine"}
    assert {seed: b["pretraining_seed"] for seed, b in mine.items()} == {0: 0, 1: 1}
    assert len({backbone["weights_sha256"] for backbone in mine.values()}) == 2
    weights = {p: p.stat().st_mtime_ns for p in (tmp_path / "work").rglob("*.safetensors")}
    assert all(ending.before for ending in benchmarks.resume(results=folders["results"]))
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "work").rglob("*.safetensors")} == weights
