"""A thousand leftovers of earlier processes and of other programs in the results and the work."""

from __future__ import annotations

import json
import os
import random
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import pytest

from benchmarks.scheduler.lease import Holder, myself
from tests.faults.folders import scores
from tests.faults.grid import Grid, Whole, assert_in_order

COUNT = 1000


@pytest.mark.fault(
    f"{COUNT:,} leftovers in results and work",
    "the grid runs as in empty folders; records that do not count are named",
)
@pytest.mark.moments(1)
def test_leftovers(grid: Grid, whole: Whole, moment: float) -> None:
    rng = random.Random(moment)
    make = litter(grid, whole, rng)
    for _ in range(COUNT):
        next(make)
    driver = grid.start()
    assert_in_order(driver, 0)
    done = scores(grid.results, [cell[-1] for cell in whole.scores])
    assert done == whole.scores
    for run in (cell[-1] for cell in whole.scores):
        left = {path.name for path in (grid.results / "runs" / run).iterdir()}
        assert not [name for name in left if name.startswith((".", "lease"))]


@pytest.mark.fault(
    "A link in the folder of a run", "the run fails by name, with a remedy; others go on"
)
def test_a_link_in_a_run(grid: Grid, whole: Whole, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("of somebody else")
    runs = sorted(cell[-1] for cell in whole.scores)
    folder = grid.results / "runs" / runs[0]
    folder.mkdir(parents=True)
    (folder / "run.log").symlink_to(victim)
    driver = grid.start()
    assert_in_order(driver, 1)
    (failure,) = [line for line in driver.said.splitlines() if line.startswith("FAILED")]
    assert str(folder / "run.log") in failure and "Remove it" in failure
    assert victim.read_text() == "of somebody else"
    (folder / "run.log").unlink()
    assert_in_order(grid.start(), 0)
    assert scores(grid.results) == whole.scores


def litter(grid: Grid, whole: Whole, rng: random.Random) -> Iterator[Path]:
    """Write leftovers of every kind, one after another, into runs of the grid and into runs of others."""
    own = [cell[-1] for cell in whole.scores]
    sound = {run: (whole.grid.results / "runs" / run / "record.json").read_bytes() for run in own}
    foreign = [f"{rng.getrandbits(64):016x}" for _ in range(100)]
    kinds = [
        scratch_file, scratch_folder, old_lease, empty_folder, empty_record, cut_record,
        old_record, foreign_json, dangling_link, work_scratch,
    ]  # fmt: skip
    while True:
        run = rng.choice([*own, *foreign])
        folder = grid.results / "runs" / run
        folder.mkdir(parents=True, exist_ok=True)
        record = sound.get(run) or rng.choice(list(sound.values()))
        yield rng.choice(kinds)(grid, folder, record, rng)


def some_name(
    rng: random.Random, names: Sequence[str] = ("record.json", "index.json", "best_6.pth", "x")
) -> str:
    """Return the name of a scratch file or folder, as the suite's writer gives it."""
    name = rng.choice(names)
    return f".{name}.{uuid.UUID(int=rng.getrandbits(128)).hex[:12]}.partial"


def scratch_file(grid: Grid, folder: Path, record: bytes, rng: random.Random) -> Path:
    path = rng.choice((folder, grid.results, grid.results / "runs")) / some_name(rng)
    path.write_bytes(rng.randbytes(rng.randrange(100)))
    return path


def scratch_folder(grid: Grid, folder: Path, record: bytes, rng: random.Random) -> Path:
    path = rng.choice((folder, grid.results)) / some_name(rng, ["gallery"])
    (path / rng.choice(("new", "former"))).mkdir(parents=True)
    (path / "lock").touch()
    return path


def old_lease(grid: Grid, folder: Path, record: bytes, rng: random.Random) -> Path:
    """Write the lease of a process that has ended, or of one before the machine's last boot."""
    here = myself()
    dead = Holder(here.host, rng.randrange(2, 2**15), here.place, rng.randrange(1, 1000))
    path = folder / f"lease.{rng.randrange(1, 40)}"
    path.write_bytes(msgspec.json.encode(dead))
    return path


def empty_folder(grid: Grid, folder: Path, record: bytes, rng: random.Random) -> Path:
    path = folder / rng.choice(("gallery", "20250101_000000", "vis_data"))
    path.mkdir(exist_ok=True)
    return path


def empty_record(grid: Grid, folder: Path, record: bytes, rng: random.Random) -> Path:
    path = folder / "record.json"
    path.write_bytes(b"")
    return path


def cut_record(grid: Grid, folder: Path, record: bytes, rng: random.Random) -> Path:
    path = folder / "record.json"
    path.write_bytes(record[: rng.randrange(len(record) - 3)])
    return path


def old_record(grid: Grid, folder: Path, record: bytes, rng: random.Random) -> Path:
    """Return a record of schema 1: without task version, with the threads among the machine's facts."""
    content = json.loads(record)
    content["schema"] = 1
    content["provenance"]["machine"]["threads"] = content.pop("threads")
    del content["task_version"]
    path = folder / "record.json"
    path.write_text(json.dumps(content, indent=1))
    return path


def foreign_json(grid: Grid, folder: Path, record: bytes, rng: random.Random) -> Path:
    content = rng.choice(({"name": "package", "version": "1.0"}, [], 7, {"run": {"run": []}}))
    path = rng.choice((folder, grid.results)) / rng.choice(
        ("record.json", "index.json", "package.json", "identity.json", "train_seconds.json")
    )
    path.write_text(json.dumps(content))
    return path


def dangling_link(grid: Grid, folder: Path, record: bytes, rng: random.Random) -> Path:
    path = grid.results / "runs" / f"{rng.getrandbits(64):016x}"
    path.symlink_to(rng.choice(("nowhere", os.devnull, "..", path.name)))
    return path


def work_scratch(grid: Grid, folder: Path, record: bytes, rng: random.Random) -> Path:
    place = rng.choice((grid.work, grid.work / "prepared" / "phantoms", grid.work / "phantoms"))
    path = place / rng.choice(
        (f".brain_tumor-{rng.getrandbits(32):08x}", some_name(rng, ["fgadr"]))
    )
    path.mkdir()
    (path / "images").mkdir()
    return path
