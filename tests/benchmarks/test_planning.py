"""What `plan` tells without composing a run, compared with what was written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.grid import RunSpec
from benchmarks.planning import Outlook, look_ahead
from benchmarks.results import INDEX
from benchmarks.study import load_study
from tasks import registry
from tests.factories import changed

GRID = dict(
    tasks=["drive", "buid"], backbones=["random_resnet50", "random_vit_b"], seeds=[0, 1, 2], profile="mini"
)  # fmt: skip


def write_record(results: Path, cell: RunSpec, **fields: object) -> Path:
    """The record of a planned run on phantoms, which took 100 seconds."""
    facts = registry.facts(cell.task, cell.recipe)
    run = f"{abs(hash((cell, str(fields)))):016x}"[:16]
    content = changed(
        {
            "run": run, "task": cell.task, "task_version": facts["version"], "profile": cell.profile,
            "seed": cell.seed, "label_fraction": cell.label_fraction, "recipe": cell.recipe, "split": cell.split,
            "backbone.name": cell.backbone, "data_source": "phantom",
            "cost": {"train_seconds": 90.0, "test_seconds": 10.0, "peak_memory_mb": 800.0}, **fields,
        }
    )  # fmt: skip
    path = results / "runs" / run / "record.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(content))
    return path


def ahead(folder: Path, downloads: Path | None = None, **grid: object) -> Outlook:
    study = load_study(None, **{**GRID, **grid})
    return look_ahead(study, downloads, folder / "results", folder / "work")


def test_records_of_the_newest_version_on_the_same_data_count(tmp_path: Path) -> None:
    cells = load_study(None, **GRID).cells()
    write_record(tmp_path / "results", cells[0])
    write_record(
        tmp_path / "results", cells[1], task_version=1 + registry.facts("drive")["version"]
    )
    write_record(tmp_path / "results", cells[2], data_source="measured")
    write_record(tmp_path / "results", cells[3], recipe="release")
    write_record(tmp_path / "results", cells[4], overrides={"model.x.y": 1})
    found = ahead(tmp_path)
    assert (found.total().cells, found.total().done) == (12, 1)
    (part,) = [p for p in found.parts if p.done]
    assert (part.task, part.backbone, part.cells) == ("drive", "random_resnet50", 3)
    (tmp_path / "data" / "DRIVE").mkdir(parents=True)
    assert ahead(tmp_path, tmp_path / "data").total().done == 1  # the measured one


def test_time_is_told_by_the_nearest_record(tmp_path: Path) -> None:
    first = load_study(None, **GRID).cells()[0]
    for seed, seconds in ((7, 50.0), (8, 70.0), (9, 900.0)):
        cost = {"train_seconds": seconds, "test_seconds": 10.0}
        write_record(
            tmp_path / "results", RunSpec("drive", first.backbone, "mini", seed), cost=cost
        )
    found = ahead(tmp_path)
    assert found.sources == {"records": 3, "the profile": 9}
    (part,) = [p for p in found.parts if (p.task, p.backbone) == ("drive", "random_resnet50")]
    assert part.left.seconds == 3 * 80.0  # the median, three times
    with_gpu = {
        "machine": {"gpu": "A100"},
        "versions": {},
        "git_revision": None,
        "started": "2026-01-01",
    }
    for seed in (17, 18, 19, 20, 21):
        write_record(
            tmp_path / "results",
            RunSpec("drive", first.backbone, "mini", seed),
            provenance=with_gpu,
        )
    (part,) = [
        p for p in ahead(tmp_path).parts if (p.task, p.backbone) == ("drive", "random_resnet50")
    ]
    assert part.left.gpu_seconds == 300.0


def test_a_study_of_the_paper_s_size_is_told_by_the_cost_study(tmp_path: Path) -> None:
    found = ahead(tmp_path, profile="paper", backbones=["random_resnet50", "random_vit_tiny"])
    assert found.sources == {"the cost study": 6, "nothing": 6}
    assert found.total().left.gpu_seconds > 0 and found.total().left.unknown == 6
    assert found.disk_mb is None


def test_half_a_batch_stands_for_the_whole_one(tmp_path: Path) -> None:
    cell = load_study(None, **GRID).cells()[0]
    halved = {
        "optim_wrapper.accumulative_counts": 2,
        "train_dataloader.batch_size": 2,
        "train_cfg.max_iters": 140,
    }
    write_record(tmp_path / "results", cell, overrides=halved)
    assert ahead(tmp_path).total().done == 1
    assert ahead(tmp_path, overrides={"model.x.y": 1}).total().done == 0


def test_spoilt_records_are_named_and_do_not_count(tmp_path: Path) -> None:
    path = write_record(tmp_path / "results", load_study(None, **GRID).cells()[0])
    path.write_text(path.read_text()[:-9])
    found = ahead(tmp_path)
    assert found.total().done == 0 and str(path) in found.problems[0]


def test_a_record_with_overrides_that_no_run_has_is_named(tmp_path: Path) -> None:
    cell = load_study(None, **GRID).cells()[0]
    path = write_record(tmp_path / "results", cell, overrides={"lr": 1})
    found = ahead(tmp_path)
    assert found.total().done == 0
    assert found.problems[0].startswith(f"{path}: overrides: 'lr' is no place in a config")


def test_an_index_of_an_earlier_version_is_made_anew(tmp_path: Path) -> None:
    write_record(tmp_path / "results", load_study(None, **GRID).cells()[0])
    assert ahead(tmp_path).total().done == 1
    index = tmp_path / "results" / INDEX
    content = json.loads(index.read_text())
    (row,) = content["rows"].values()
    old = {name: row[name] for name in ("stamp", "task", "backbone", "profile")}
    index.write_text(json.dumps({run: old for run in content["rows"]}))
    assert ahead(tmp_path).total().done == 1


def test_what_is_pretrained_first_is_told_until_it_is_there(tmp_path: Path) -> None:
    found = look_ahead(load_study("my_method"), None, tmp_path, tmp_path / "work")
    assert len(found.pretrainings) == 9 and "mine (seed 0)" in found.pretrainings
    (tmp_path / "work" / "backbones" / "mine").mkdir(parents=True)
    (tmp_path / "work" / "backbones" / "mine" / "0.safetensors").touch()
    found = look_ahead(load_study("my_method"), None, tmp_path, tmp_path / "work")
    assert len(found.pretrainings) == 8


def test_facts_of_a_task_are_those_of_its_whole_config() -> None:
    for recipe in ("suite", "release"):
        names = registry.names() if recipe == "suite" else registry.release_names()
        for name in names:
            assert dict(registry.facts(name, recipe)) == registry.get(name, recipe).task.to_dict()


def test_a_plan_needs_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys, benchmarks\n"
        f"benchmarks.plan('label_efficiency', profile='mini', results={str(tmp_path)!r})\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.slow
def test_a_hundred_thousand_runs_are_planned_in_seconds_and_two_hundred_mb(tmp_path: Path) -> None:
    """10 seconds of a core and 300 MB at the most; half of the runs have a record."""
    tasks = [name for name in registry.paper_names() if name != "prostate"][:10]
    (tmp_path / "large.yaml").write_text(
        f"tasks: {tasks}\nbackbones: [random_resnet50, random_vit_b, random_vit_tiny, random_resnet18_half]\n"
        f"label_fractions: [0.01, 0.05, 0.1, 0.25, 1.0]\nseeds: {[*range(500)]}\nprofile: mini\n"
    )
    study = load_study(tmp_path / "large.yaml")
    for number, cell in enumerate(study.cells()):
        if number % 2:
            write_record(tmp_path / "results", cell)
    for verb, seconds, megabytes in (("plan", 10, 300), ("status", 3, 150)):
        for _ in range(2):  # the first makes the index
            took, memory = _measured(verb, tmp_path)
        print(verb, f"{took:.1f} s of a core, {memory:.0f} MB")
        assert took < seconds and memory < megabytes


def _measured(verb: str, folder: Path) -> tuple[float, float]:
    """Seconds of a core and MB that a command takes."""
    code = f"""
import sys, time
from pathlib import Path
import benchmarks
arguments = dict(results={str(folder / "results")!r})
words = [{str(folder / "large.yaml")!r}] if {verb!r} == "plan" else []
found = benchmarks.{verb}(*words, **arguments)
if {verb!r} == "plan":
    assert (found.total().cells, found.total().done) == (100_000, 50_000)
(peak,) = [x.split()[1] for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmHWM")]
print(time.process_time(), int(peak) / 1024)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, megabytes = map(float, done.stdout.split())
    return seconds, megabytes
