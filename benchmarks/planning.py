"""Look ahead at a study: which of its runs are done, and what the others will take, by what runs took before.

Nothing is composed, prepared or fetched, so that 100,000 runs are a matter of seconds.
"""

from __future__ import annotations

import csv
import statistics
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import profiles
from benchmarks.grid import RunSpec
from benchmarks.overrides import ACCUMULATED, checked, without_halving
from benchmarks.results import Row, scan
from benchmarks.study import Study, missing_backbones
from lvmmed_backbones.display import plain
from lvmmed_backbones.records import FILE, RUNS
from tasks import datasets, registry

COSTS = Path(__file__).resolve().parents[1] / "docs" / "evidence" / "cost.csv"
SAMPLE = 50  # folders of runs that are looked at for the room that one takes


@dataclass(frozen=True)
class Amount:
    """What runs are expected to take.

    Attributes
    ----------
    seconds, gpu_seconds : float
        Of CPUs, as 2 cores of 2023 take them, and of GPUs: a run has one of them where a record or a profile tells,
        and both where the cost study does (an A100, estimated).
    unknown : int
        Runs of which nothing tells.
    """

    seconds: float = 0.0
    gpu_seconds: float = 0.0
    unknown: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(
            self.seconds + other.seconds,
            self.gpu_seconds + other.gpu_seconds,
            self.unknown + other.unknown,
        )


@dataclass(frozen=True)
class Total:
    """How many runs there are, how many of them have a record, and what the others are expected to take."""

    cells: int
    done: int
    left: Amount


@dataclass(frozen=True)
class Part:
    """The runs of a study of one task and one backbone.

    Attributes
    ----------
    profile, task, recipe, backbone : str
        What they have in common.
    cells, done : int
        How many there are, and how many have a record.
    left : Amount
        What the others are expected to take.
    """

    profile: str
    task: str
    recipe: str
    backbone: str
    cells: int
    done: int
    left: Amount


@dataclass(frozen=True)
class Outlook:
    """A study, as far as it is told without composing its runs.

    Attributes
    ----------
    study : Study
        The study.
    parts : sequence of Part
        By task and backbone.
    disk_mb : float or None
        The room that the runs that are left are expected to take; None: there is no run to judge by.
    sources : Counter of str
        Of how many of the runs that are left the time is known from records, the cost study, or the profile.
    pretrainings : sequence of str
        The backbones that `run` pretrains first, where they are not there yet.
    problems : sequence of str
        Records that do not count.
    """

    study: Study
    parts: Sequence[Part]
    disk_mb: float | None
    sources: Counter[str]
    pretrainings: Sequence[str]
    problems: Sequence[str]

    def total(self, parts: Sequence[Part] | None = None) -> Total:
        """Return the sum over some parts; None: over all."""
        parts = self.parts if parts is None else parts
        return Total(
            sum(part.cells for part in parts),
            sum(part.done for part in parts),
            sum((part.left for part in parts), Amount()),
        )


def look_ahead(study: Study, downloads: Path | None, results: Path, work: Path) -> Outlook:
    """Return what is known of a study.

    Parameters
    ----------
    study : Study
        The study.
    downloads : Path or None
        Folder of downloads; it decides which records are of the same data.
    results, work : Path
        Folders of the records, and of the backbones that are pretrained; they need not exist.
    """
    rows = scan(results)
    done = _done(rows.values(), downloads)
    rates = _Rates(rows.values())
    parts: dict[tuple[str, str, str, str], list[RunSpec]] = defaultdict(list)
    for cell in study.cells():
        parts[cell.profile, cell.task, cell.recipe, cell.backbone].append(cell)
    found, sources = [], Counter[str]()
    for (profile, task, recipe, backbone), cells in parts.items():
        left = [cell for cell in cells if done.isdisjoint((cell, _halved(cell)))]
        amounts = Amount()
        for cell, times in Counter(replace(cell, seed=0) for cell in left).items():
            source, amount = rates.of(cell)
            sources[source] += times
            amounts += Amount(
                amount.seconds * times, amount.gpu_seconds * times, amount.unknown * times
            )
        part = Part(profile, task, recipe, backbone, len(cells), len(cells) - len(left), amounts)
        found.append(part)
    each = _room_of_a_run(results, [name for name, row in rows.items() if not row.problem])
    runs = results / RUNS
    problems = [f"{runs / n / FILE}: {r.problem}" for n, r in rows.items() if r.problem]
    return Outlook(
        study,
        found,
        None if each is None else each * sources.total(),
        sources,
        _pretrained_first(study, {part.backbone for part in found}, work),
        list(map(plain, problems)),
    )


def _pretrained_first(study: Study, backbones: Container[str], work: Path) -> list[str]:
    """Return the backbones that are not there yet, with their seeds."""
    wanted = {name: p for name, p in study.pretrainings().items() if name in backbones}
    missing = missing_backbones(wanted, work)
    return [name if seed is None else f"{name} (seed {seed})" for name, seed in missing]


def cell_of(row: Row) -> RunSpec | tuple[RunSpec, str]:
    """Return the planned run of a record; of one with half the batch in two steps, a key for the run it stands for."""
    cell = RunSpec(
        task=row.task,
        backbone=row.backbone,
        profile=row.profile,
        seed=row.seed,
        label_fraction=row.label_fraction,
        split=row.split,
        recipe=row.recipe,
        overrides=checked(row.overrides) if row.overrides else (),
    )
    return _halved(cell) if ACCUMULATED in row.overrides else cell


def _halved(cell: RunSpec) -> tuple[RunSpec, str]:
    return replace(cell, overrides=without_halving(cell.overrides)), ACCUMULATED


def _done(rows: Iterable[Row], downloads: Path | None) -> set[RunSpec | tuple[RunSpec, str]]:
    """Return the planned runs of records of the newest version of their task, on the data that are there."""
    expected: dict[tuple[str, str], tuple[int, str] | None] = {}
    done = set()
    for row in rows:
        if row.problem:
            continue
        task = row.task, row.recipe
        if task not in expected:
            expected[task] = _version_and_source(*task, downloads)
        if (row.task_version, row.data_source) == expected[task]:
            done.add(cell_of(row))
    return done


def _version_and_source(task: str, recipe: str, downloads: Path | None) -> tuple[int, str] | None:
    """Return the version of a task and the source of its data; None if there is no such task here."""
    try:
        config = registry.facts(task, recipe)
    except ValueError:
        return None
    folder = datasets.source_of(config["dataset"], downloads)
    phantom = folder is None or (folder / "PHANTOM").is_file()
    return config["version"], "phantom" if phantom else "measured"


class _Rates:
    """What a run of each kind took, in the order of what tells it best."""

    def __init__(self, rows: Iterable[Row]) -> None:
        near, far = defaultdict(list), defaultdict(list)
        for row in rows:
            if row.problem:
                continue
            amount = Amount(0.0, row.seconds) if row.gpu else Amount(row.seconds)
            task = row.task, row.recipe, row.profile, row.backbone
            near[*task, row.label_fraction].append(amount)
            far[task].append(amount)
        self.records: Mapping[tuple, Amount] = {
            key: _median(amounts) for key, amounts in [*near.items(), *far.items()]
        }
        with COSTS.open(newline="") as file:
            self.costs = {
                (row["task"], row["recipe"], row["network"]): Amount(
                    3600 * float(row["cpu_hours"]), 3600 * float(row["gpu_hours"])
                )
                for row in csv.DictReader(file)
            }

    def of(self, cell: RunSpec) -> tuple[str, Amount]:
        """Return by what the time of a run is told, and the time."""
        kind = cell.task, cell.recipe, cell.profile, cell.backbone
        for key in ((*kind, cell.label_fraction), kind):
            if key in self.records:
                return "records", self.records[key]
        return self._without_records(cell)

    def _without_records(self, cell: RunSpec) -> tuple[str, Amount]:
        task = registry.facts(cell.task, cell.recipe)
        profile = profiles.get(cell.profile)
        if profile.budgets is None:
            network = _network(cell.backbone)
            amount = self.costs.get((cell.task, cell.recipe, network))
            if amount is not None:
                share = cell.label_fraction
                return "the cost study", Amount(amount.seconds * share, amount.gpu_seconds * share)
        budget = profile.budget(task)
        if budget is not None:
            return "the profile", Amount(budget.seconds)
        return "nothing", Amount(unknown=1)


def _network(backbone: str) -> str:
    """Return the architecture of a backbone as the cost study calls it; empty if the catalogue has none (yet).

    A base ViT counts as SAM's.
    """
    from lvmmed_backbones import catalogue  # imports torch, which few plans need

    try:
        architecture = catalogue.get(backbone, *catalogue.seeds(backbone)[:1]).architecture
        return "SAM ViT-B" if "ViT-B" in architecture else architecture
    except ValueError:
        return ""


def _median(amounts: Sequence[Amount]) -> Amount:
    return Amount(
        statistics.median(amount.seconds for amount in amounts),
        statistics.median(amount.gpu_seconds for amount in amounts),
    )


def _room_of_a_run(results: Path, names: Sequence[str]) -> float | None:
    """Return the mean MB of some runs' folders; None without runs."""
    chosen = names[:: max(1, len(names) // SAMPLE)][:SAMPLE]
    sizes = [
        sum(path.lstat().st_size for path in (results / RUNS / name).rglob("*") if path.is_file())
        for name in chosen
    ]
    return statistics.mean(sizes) / 2**20 if sizes else None
