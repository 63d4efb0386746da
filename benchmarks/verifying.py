"""Measure somebody's record again: the run is composed from what the record says it is, with this suite's own files.

Nothing of the record is executed, and its config is not read: it may come from anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from benchmarks import profiles
from benchmarks.composing import Places, compose_one
from benchmarks.grid import RunSpec
from benchmarks.overrides import checked
from benchmarks.results import IDENTITY
from benchmarks.runs import Run
from benchmarks.scheduler import local
from lvmmed_backbones import catalogue
from lvmmed_backbones.files.outside import MIB, Refused, read_bytes, regular
from lvmmed_backbones.records import FILE, WholeRecord, nfc, read_done
from lvmmed_backbones.records.decoding import decode
from lvmmed_backbones.records.record import MOST
from tasks import registry

VERIFIED = "verified"  # the folder of results, in `work`
ALIKE = ("versions", "machine")  # of the provenance: they may move the last digits


@dataclass(frozen=True)
class Verified:
    """What came of measuring a record again.

    Attributes
    ----------
    path : Path
        The record.
    spec : RunSpec
        The run that it says it is.
    apart : sequence of str
        What makes it another experiment than the one that is composed here; then nothing was run.
    failure : str
        Why the run left no record here; empty: it left one.
    metrics : mapping of str to (float or None, float or None)
        Of each metric their value and ours.
    cases : float or None
        The largest difference of a case in a score that both have; None: the cases themselves differ.
    surroundings : sequence of str
        How the machines and the versions differ.
    within : float
        Points, a hundredth of a share, by which the headline metric may differ.
    headline : str
        Name of the headline metric.
    """

    path: Path
    spec: RunSpec
    headline: str
    within: float
    apart: list[str] = field(default_factory=list)
    failure: str = ""
    metrics: Mapping[str, tuple[float | None, float | None]] = field(default_factory=dict)
    cases: float | None = None
    surroundings: list[str] = field(default_factory=list)

    @property
    def is_equal(self) -> bool:
        """Whether every metric and every case is the same to the last bit."""
        return self.was_run and self.cases == 0 and all(a == b for a, b in self.metrics.values())

    @property
    def was_run(self) -> bool:
        """Whether there are two records to compare."""
        return not self.apart and not self.failure

    @property
    def points(self) -> float | None:
        """By how many points the headline metric differs, ours - theirs; None where one is undefined."""
        theirs, ours = self.metrics.get(self.headline, (None, None))
        return None if theirs is None or ours is None else 100 * (ours - theirs)

    @property
    def is_reproduced(self) -> bool:
        """Whether the headline metric is the same within `within`."""
        return self.is_equal or (
            self.was_run and self.points is not None and abs(self.points) <= self.within
        )


def verify_record(record: Path, downloads: Path | None, work: Path, within: float) -> Verified:
    """Compose the run of a record, compare what identifies it, carry it out, and compare the scores.

    Parameters
    ----------
    record : Path
        A record, or the folder of its run.
    downloads, work : Path or None, Path
        As of `Places`; the run is kept in WORK/verified, so that it can be stopped and goes on.
    within : float
        As of `Verified`.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no such record, it is none, or it names what this suite does not have.
    """
    path = record / FILE if record.is_dir() else record
    theirs = _read(path)
    spec = _spec_of(theirs, path)
    run = compose_one(spec, Places(downloads, work / VERIFIED, work))
    apart = _apart(theirs, run, path)
    if apart:
        return Verified(path, spec, theirs.metric, within, apart)
    (ending,) = local.carry_out([run], [None])
    if ending.failure:
        return Verified(path, spec, theirs.metric, within, failure=ending.failure)
    ours = read_done(ending.run.folder)
    names = sorted({*theirs.metrics, *ours.metrics})
    return Verified(
        path,
        ending.run.spec,
        theirs.metric,
        within,
        apart=_changed("overrides", dict(theirs.overrides), ours.overrides),
        metrics={name: (theirs.metrics.get(name), ours.metrics.get(name)) for name in names},
        cases=_largest_difference(theirs, ours),
        surroundings=_surroundings(theirs, ours),
    )


def _read(path: Path) -> WholeRecord:
    """Return a record of any schema that is read."""
    regular(path)
    try:
        return decode(read_bytes(path, most=MOST))
    except Refused:
        raise
    except ValueError as error:
        raise Refused(path, str(error), "Name a record that this suite wrote") from error


def _spec_of(record: WholeRecord, path: Path) -> RunSpec:
    """Return the run that a record says it is, all of whose names are known here."""
    try:
        if record.profile not in profiles.names():
            raise ValueError(
                f"it is of profile {record.profile!r}, which no run has: `lvmmed evaluate` made it. Evaluate again"
            )
        registry.check(record.task, record.recipe)
        catalogue.get(record.backbone.name, record.seed)
        return RunSpec(
            record.task,
            record.backbone.name,
            record.profile,
            record.seed,
            record.label_fraction,
            record.split,
            record.recipe,
            checked(record.overrides),
        )
    except ValueError as error:
        raise Refused(path, f"cannot be run here: {error}", "Add what is missing") from error


def _apart(record: WholeRecord, run: Run, path: Path) -> list[str]:
    """Return what makes a record another experiment than a run: a line each, theirs first."""
    ours: dict[str, Any] = run.identity.facts()
    theirs: dict[str, Any] = {
        "task_version": record.task_version,
        "weights_sha256": record.backbone.weights_sha256,
        "data_fingerprint": record.data.fingerprint,
        "threads": record.threads,
        "protocol": record.protocol,
    }
    try:
        written = read_bytes(path.with_name(IDENTITY), within=path.parent, most=MIB)
        identity = msgspec.json.decode(written, type=dict[str, Any])
        theirs = {name: identity.get(name) for name in {**ours, **identity}} | theirs
    except FileNotFoundError:
        pass  # a record alone: its config cannot be compared
    except (Refused, msgspec.DecodeError) as error:
        return [str(error)]
    return [
        line
        for name, value in sorted(theirs.items())
        for line in _changed(name, value, ours.get(name))
    ]


def _changed(name: str, theirs: object, ours: object) -> list[str]:
    return [] if theirs == ours else [f"{name}: {theirs!r} in the record, {ours!r} here"]


def _largest_difference(theirs: WholeRecord, ours: WholeRecord) -> float | None:
    """Return the largest difference of a case's score; None if the cases or their scores are not the same ones."""
    mine = {nfc(str(row["case"])): row for row in ours.cases}
    largest = 0.0
    if len(mine) != len(theirs.cases):
        return None
    for row in theirs.cases:
        other = mine.get(nfc(str(row["case"])))
        if other is None or other.keys() != row.keys():
            return None
        for name, value in row.items():
            if name == "case" or value == other[name]:
                continue
            if value is None or other[name] is None:
                return None
            largest = max(largest, abs(float(value) - float(other[name])))  # type: ignore[arg-type]
    return largest


def _surroundings(theirs: WholeRecord, ours: WholeRecord) -> list[str]:
    """Return how the versions and the machines of two records differ, a line each."""
    found = []
    for part in ALIKE:
        mine, other = getattr(ours.provenance, part), getattr(theirs.provenance, part)
        for name in sorted({*mine, *other}):
            found += _changed(name, other.get(name), mine.get(name))
    return found
