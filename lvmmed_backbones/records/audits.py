"""Audits of pretraining images against a task's test images: which test cases a backbone has seen.

An audit is one JSON file. Those of a folder of results lie in RESULTS/audits.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from lvmmed_backbones.display import plain
from lvmmed_backbones.files.outside import MIB
from lvmmed_backbones.records.checked import CheckedStruct, Count, write_struct
from lvmmed_backbones.records.folder import nfc, read_own

FOLDER = "audits"
MOST = 16 * MIB  # bytes of an audit: a data set of 100,000 test cases has fewer
REMEDY = "Make it again: `lvmmed corpus audit CORPUS --test PREPARED --results RESULTS`"


class Audit(CheckedStruct, tag_field="schema", tag=1):
    """Which test cases of a data set are in the images of a pretraining.

    Attributes
    ----------
    corpus : str
        Fingerprint of the corpus, or the name of a corpus that others published, such as LVM-Med.
    dataset : str
        Name of the prepared data set.
    by : {'pixels', 'names'}
        What was compared: pixels and perceptual hashes, or the names of files in a published list.
    tested : int
        Number of test cases that were looked for.
    leaked : list of str
        Those that are in the corpus, by their names in records.
    """

    corpus: str
    dataset: str
    by: Literal["pixels", "names"]
    tested: Count
    leaked: list[str]

    def __post_init__(self) -> None:
        # Not the list, which may be longer than a report's field.
        for text in (self.corpus, self.dataset, *self.leaked):
            if not text.isprintable() or not text.strip() or len(text) > 500:
                raise ValueError(f"{text[:50]!r} is no printable name")


def write_audit(results: Path, audit: Audit) -> Path:
    """Write an audit into a folder of results; one of the same corpus and data set is replaced."""
    name = "".join(c if c.isalnum() else "-" for c in f"{audit.dataset}-{audit.corpus[:16]}")
    path = results / FOLDER / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_struct(path, audit)
    return path


def read_audits(results: Path) -> tuple[list[Audit], list[str]]:
    """Return the audits of a folder of results, and a sentence for each file that is no sound one."""
    audits, problems = [], []
    for path in sorted((results / FOLDER).glob("*.json")):
        try:
            audit = msgspec.json.decode(read_own(path, results, MOST), type=Audit)
        except ValueError as error:
            problems.append(f"{plain(path)}: is no audit ({error}). {REMEDY}")
        else:
            audit.dataset = nfc(audit.dataset)
            audit.leaked = [nfc(name) for name in audit.leaked]
            audits.append(audit)
    return audits, problems


def leaked_cases(audits: Sequence[Audit], corpora: Sequence[str], dataset: str) -> set[str] | None:
    """Return the test cases of a data set that are in any of some corpora; None if no audit compared them.

    Parameters
    ----------
    corpora : sequence of str
        Fingerprints, or names of published corpora.
    """
    found = [a for a in audits if a.dataset == dataset and a.corpus in corpora]
    return {case for audit in found for case in audit.leaked} if found else None
