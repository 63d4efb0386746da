"""What backbones have seen of the images that they are tested on: as it is declared, and as audits found it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NamedTuple, get_args

from lvmmed_backbones.data_sets import verdict
from lvmmed_backbones.data_sets.published import published_audits
from lvmmed_backbones.display import plain
from lvmmed_backbones.records import StoredRecord, read_cases
from lvmmed_backbones.records.audits import FOLDER, REMEDY, Audit, leaked_cases, read_audits
from lvmmed_backbones.records.cases import site
from reports.reading.consistency import Condition, condition_of, group_by, is_random

State = Literal["saw the test images", "saw the data set", "unknown", "declared clean"]
STATES: tuple[State, ...] = get_args(State)  # the worst first
TEST_IMAGES, DATA_SET, UNKNOWN, CLEAN = STATES


class Cell(NamedTuple):
    """Where a score stands: the runs of a backbone on a task under a condition, whatever their seeds."""

    condition: Condition
    task: str
    protocol: str
    backbone: str


@dataclass(frozen=True)
class Seen:
    """What a backbone has seen of a task's images.

    Attributes
    ----------
    state : State
        The worst of its runs.
    leaked : tuple of str
        Names of the test cases that are in the images of its pretraining, in ascending order.
    number, tested : int or None
        How many of how many test cases these are; None: not known. Cases may be counted and have no names in records.
    by : tuple of str
        What the audits compared that found them: 'names', 'pixels', or both.
    told : bool
        Whether somebody declares what a pretraining has seen; of random weights nobody needs to.
    """

    state: State
    leaked: tuple[str, ...] = ()
    number: int | None = None
    tested: int | None = None
    by: tuple[str, ...] = ()
    told: bool = False

    def in_site(self, name: str) -> Seen:
        """What it has seen of one site, the first folder of a case's name; itself if it saw no test case by name."""
        here = tuple(case for case in self.leaked if site(case) == name)
        if not self.leaked or here:
            return replace(self, leaked=here, number=len(here) or self.number, tested=None)
        return replace(self, state=DATA_SET, leaked=(), number=0, tested=None, by=())


SeenByCell = Mapping[Cell, Seen]
NOTHING_SEEN: SeenByCell = MappingProxyType({})


def cell_of(record: StoredRecord) -> Cell:
    """Where the score of a record stands."""
    return Cell(condition_of(record), record.task, record.protocol, record.backbone.name)


def worst(states: Iterable[State]) -> State:
    """The worst of some states, at least one."""
    return min(states, key=STATES.index)


def told(seen: Iterable[Seen]) -> bool:
    """Whether anything is known of any pretrained backbone; if not, one sentence says so in place of many marks."""
    return any(one.told or one.state in (TEST_IMAGES, DATA_SET) for one in seen)


@dataclass(frozen=True)
class Audits:
    """The audits that some reports rest on, and a sentence for each file or contradiction, and each unused one."""

    audits: list[Audit]
    problems: list[str]
    notes: list[str]


def collect_audits(results: Path, records: Sequence[StoredRecord]) -> Audits:
    """Read the audits of a folder of results, or of several ones in it, and add those that are published.

    Parameters
    ----------
    records : sequence of StoredRecord
        All records of the folder.
    """
    known = {
        (record.dataset, corpus)
        for record in records
        if record.backbone.pretraining
        for corpus in record.backbone.pretraining.corpora
    }
    audits, problems, notes = [], [], []
    for folder in folders_with_audits(results, records):
        found, unsound = read_audits(folder)
        audits += found
        problems += unsound
        notes += [
            f"{_name(audit, folder)} fits no record: no backbone of this corpus was run on that data set."
            for audit in found
            if (audit.dataset, audit.corpus) not in known
        ]
    problems += [
        f"{_name(same[0], results)}: {len(same)} audits by {same[0].by} disagree on what leaked. A case that "
        "one of them names counts. Delete all but the newest."
        for same in group_by(audits, lambda a: (a.corpus, a.dataset, a.by))
        if len({(audit.tested, frozenset(audit.leaked), audit.whole) for audit in same}) > 1
    ]
    return Audits([*audits, *published_audits()], problems, notes)


def folders_with_audits(results: Path, records: Sequence[StoredRecord]) -> list[Path]:
    """The folders in which audits may lie: that of the results, and folders of results in it."""
    # Runs lie in RESULTS/runs/RUN.
    folders = {results} | {
        folder
        for runs in {record.path.parent.parent for record in records}
        for folder in (runs, runs.parent)
        if folder.is_relative_to(results)
    }
    return sorted(folders)


def _name(audit: Audit, results: Path) -> str:
    return plain(f"{results / FOLDER}: corpus {audit.corpus[:16]} and {audit.dataset}")


def find_seen(
    records: Sequence[StoredRecord], audits: Sequence[Audit]
) -> tuple[dict[Cell, Seen], list[str], list[str]]:
    """What each backbone has seen of each task's images.

    A phantom is nobody's data set, so nothing is said there. The cases of a record are read again only if an audit
    names some of its data set.

    Parameters
    ----------
    records : sequence of StoredRecord
        Records that `reports.reading.consistency.consistent_records` let through.
    audits : sequence of Audit
        What `collect_audits` found.

    Returns
    -------
    (dict of Cell to Seen, list of str, list of str)
        The findings; a sentence for each record that cannot be read again; and one for each audit whose cases have
        other names than those of the records.
    """
    finder = _Finder(audits)
    measured = [record for record in records if record.data_source == "measured"]
    seen = {cell_of(runs[0]): finder.of_cell(runs) for runs in group_by(measured, cell_of)}
    return seen, finder.problems, finder.notes()


class _Finder:
    """Looks for the cases of runs in audits; what runs have in common is looked up once."""

    def __init__(self, audits: Sequence[Audit]) -> None:
        self.by_dataset: dict[str, list[Audit]] = defaultdict(list)
        for audit in audits:
            self.by_dataset[audit.dataset].append(audit)
        self.problems: list[str] = []
        # Whether an audit, by its id, has a case of any record.
        self.fits: dict[int, bool] = {}
        self.verdicts: dict[tuple, str] = {}
        self.leaks: dict[tuple, tuple[frozenset[str], tuple[str, ...]]] = {}

    def of_cell(self, runs: Sequence[StoredRecord]) -> Seen:
        """What the networks of runs of one cell have seen together."""
        distinct = {id(r) if self.naming(r) else id(r.backbone): r for r in runs}
        cases: set[str] = set()
        leaked: set[str] = set()
        by: set[str] = set()
        parts = []
        for run in distinct.values():
            names = self.cases(run)
            seen = self.of_run(run, names)
            cases |= names
            leaked |= set(seen.leaked)
            by |= set(seen.by)
            parts.append(seen)
        numbers = [part.number for part in parts]
        number = None if None in numbers else max(n for n in numbers if n is not None)
        tested = max((part.tested for part in parts if part.tested is not None), default=None)
        if leaked:
            number, tested = len(leaked), len(cases)
        return Seen(
            state=worst(part.state for part in parts),
            leaked=tuple(sorted(leaked)),
            number=number,
            tested=tested,
            by=tuple(sorted(by)),
            told=any(part.told for part in parts),
        )

    def audits(self, run: StoredRecord) -> list[Audit]:
        """The audits of the corpora of a run's backbone against its data set."""
        pretraining = run.backbone.pretraining
        corpora = pretraining.corpora if pretraining else ()
        return [audit for audit in self.by_dataset.get(run.dataset, ()) if audit.corpus in corpora]

    def naming(self, run: StoredRecord) -> bool:
        """Whether an audit names cases of a run's data set, so that the run's own have to be read."""
        return any(audit.whole or audit.leaked for audit in self.audits(run))

    def cases(self, run: StoredRecord) -> frozenset[str]:
        """The names of a run's cases, if an audit may name them."""
        if not self.naming(run):
            return frozenset()
        try:
            return frozenset(str(row["case"]) for row in read_cases(run))
        except ValueError as error:
            self.problems.append(str(error))
            return frozenset()

    def of_run(self, run: StoredRecord, names: frozenset[str]) -> Seen:
        """What the network of a run has seen."""
        pretraining, found = run.backbone.pretraining, self.audits(run)
        said = self.verdict(pretraining.data_sets if pretraining else None, run.dataset)
        leaked, by = self.leaked(run, found, names)
        some = any(audit.whole or audit.leaked for audit in found)
        # Audits by names list cases of any split, those by pixels test cases alone.
        hidden = [a for a in found if a.whole or (a.leaked and a.by == "pixels")]
        hidden = [] if names else hidden
        compared = pretraining and found and {a.corpus for a in found} >= set(pretraining.corpora)
        counts: tuple[int | None, int | None] = None, None
        if leaked:
            counts = len(leaked), len(names)
        elif hidden:
            by = tuple(sorted({audit.by for audit in hidden}))
            tested = run.data.counts.get("test", hidden[0].tested)
            counts = max(tested if a.whole else len(a.leaked) for a in hidden), tested
        elif compared and (names or not some):
            counts = 0, len(names) or max(audit.tested for audit in found)
        if leaked or hidden:
            state = TEST_IMAGES
        elif some or said == "shared":
            state = DATA_SET
        else:
            state = CLEAN if said == "clean" or is_random(run.backbone) else UNKNOWN
        declares = pretraining is not None and not is_random(run.backbone)
        return Seen(state, tuple(sorted(leaked)), *counts, by, declares)

    def leaked(
        self, run: StoredRecord, found: Sequence[Audit], names: frozenset[str]
    ) -> tuple[frozenset[str], tuple[str, ...]]:
        """The cases of a run that audits name, and what these audits compared."""
        if not names:
            return frozenset(), ()
        key = run.dataset, names, tuple(map(id, found))
        if key not in self.leaks:
            leaked: set[str] = set()
            by: set[str] = set()
            for audit in found:
                here = leaked_cases([audit], [audit.corpus], run.dataset, names) or set()
                leaked |= here
                by |= {audit.by} if here else set()
                self.fits[id(audit)] = self.fits.get(id(audit), False) or bool(here)
            self.leaks[key] = frozenset(leaked), tuple(sorted(by))
        return self.leaks[key]

    def verdict(self, declared: Sequence[str] | None, dataset: str) -> str:
        """What the declaration says of a data set."""
        key = None if declared is None else tuple(declared), dataset
        if key not in self.verdicts:
            self.verdicts[key] = verdict(declared, dataset)
        return self.verdicts[key]

    def notes(self) -> list[str]:
        """A sentence for each audit by pixels none of whose cases is a record's."""
        return [
            plain(
                f"the audit of corpus {audit.corpus[:16]} and {audit.dataset}: none of its {len(audit.leaked)} leaked "
                f"cases, such as {audit.leaked[0]}, is a case of a record. {REMEDY}"
            )
            for audits in self.by_dataset.values()
            for audit in audits
            if audit.by == "pixels" and audit.leaked and self.fits.get(id(audit)) is False
        ]
