"""Audits of pretraining images against a task's test images: which test cases a backbone has seen.

An audit is one JSON file. Those of a folder of results lie in RESULTS/audits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from pathlib import Path, PurePosixPath
from typing import Literal

import msgspec

from lvmmed_backbones.display import plain
from lvmmed_backbones.files.outside import MIB, read_bytes
from lvmmed_backbones.records.checked import CheckedStruct, Count, write_struct
from lvmmed_backbones.records.folder import nfc

FOLDER = "audits"
MOST = 16 * MIB  # bytes of an audit: a data set of 100,000 test cases has fewer
SUFFIXES = (".png", ".jpg", ".jpeg")  # of prepared images
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
        Number of cases that were looked for: those of the test splits, or of the whole data set.
    leaked : list of str
        Those that are in the corpus, by their names in records without the ending of a file; the name of a folder
        stands for all that lie in it. May name cases of other splits: `leaked_cases` has those of a record.
    whole : bool
        Whether all cases are in the corpus; none need be named then.
    """

    corpus: str
    dataset: str
    by: Literal["pixels", "names"]
    tested: Count
    leaked: list[str]
    whole: bool = False

    def __post_init__(self) -> None:
        # Not the list, which may be longer than a report's field.
        for text in (self.corpus, self.dataset, *self.leaked):
            if not text.isprintable() or not text.strip() or len(text) > 500:
                raise ValueError(f"{text[:50]!r} is no printable name")


def write_audit(results: Path, audit: Audit) -> Path:
    """Write an audit into a folder of results; one of the same corpus and data set is replaced."""
    digest = hashlib.sha256(f"{audit.dataset}\0{audit.corpus}".encode()).hexdigest()[:16]
    name = "".join(c if c.isascii() and c.isalnum() else "-" for c in audit.dataset[:100])
    path = results / FOLDER / f"{name}-{digest}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_struct(path, audit)
    return path


def read_audits(results: Path) -> tuple[list[Audit], list[str]]:
    """Return the audits of a folder of results, and a sentence for each file or folder that cannot be read."""
    audits, problems = [], []
    folder = results / FOLDER
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix == ".json")
    except FileNotFoundError:
        return [], []
    except OSError as error:
        return [], [f"{plain(folder)}: cannot be read ({error.strerror}). Make it readable"]
    for path in paths:
        try:
            audit = msgspec.json.decode(read_bytes(path, within=results, most=MOST), type=Audit)
        except (OSError, ValueError) as error:
            problems.append(f"{plain(path)}: is no audit ({error}). {REMEDY}")
        else:
            audit.dataset = nfc(audit.dataset)
            audit.leaked = [nfc(name) for name in audit.leaked]
            audits.append(audit)
    return audits, problems


def leaked_cases(
    audits: Sequence[Audit], corpora: Sequence[str], dataset: str, cases: Collection[str]
) -> set[str] | None:
    """Return which of a record's cases are in any of some corpora; None if that is not known.

    It is not known if no audit compared one of the corpora with the data set, unless another one has some of the cases.

    Parameters
    ----------
    audits : sequence of Audit
        Those of a folder of results, and `lvmmed_backbones.data_sets.published.published_audits()`.
    corpora : sequence of str
        Of the record's backbone: `Pretraining.corpora`.
    dataset : str
        Name of the record's data set.
    cases : collection of str
        Names of the record's cases.
    """
    found = [a for a in audits if a.dataset == dataset and a.corpus in corpora]
    if any(audit.whole for audit in found):
        return set(cases)
    named = {name for audit in found for name in audit.leaked}
    leaked = {case for case in cases if not named.isdisjoint(_names(case))}
    compared = bool(corpora) and {audit.corpus for audit in found} >= set(corpora)
    return leaked if leaked or compared else None


def _names(case: str) -> list[str]:
    """The names that stand for a case: its own, without the ending of a file, and those of its folders."""
    path = PurePosixPath(case)
    stem = path.with_suffix("") if path.suffix.lower() in SUFFIXES else path
    return [case, str(stem), *map(str, path.parents)]
