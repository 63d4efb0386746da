"""A backbone's scores in records, as a table of its model card."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from lvmmed_backbones import records
from lvmmed_backbones.catalogue import Entry
from lvmmed_backbones.conversion.markdown import escaped
from lvmmed_backbones.records import StoredRecord


def scores(name: str, entry: Entry, results: Iterable[str | Path]) -> tuple[list[str], list[str]]:
    """Average the scores of a backbone over seeds.

    Phantoms are left out: a score on them says nothing of a backbone.

    Parameters
    ----------
    name : str
        Of the backbone in the records.
    entry : Entry
        Its entry: records of other weights under its name are left out.
    results : iterable of str or Path
        Folders of results.

    Returns
    -------
    (list of str, list of str)
        Paragraphs of Markdown, none if no record is of this backbone; and a message for each file that is no sound
        record.

    Raises
    ------
    FileNotFoundError
        If a folder is not there, or has no record.
    """
    found: dict[str, StoredRecord] = {}  # by run: folders may hold the same one
    unread: list[str] = []
    for folder in results:
        stored, problems = records.read(Path(folder))
        unread += problems
        own = (r for r in stored if r.backbone.name == name and _same_weights(r, entry))
        found |= {record.run: record for record in own}
    groups: dict[tuple[str, ...], list[StoredRecord]] = defaultdict(list)
    for record in found.values():
        if record.data_source == "measured":
            groups[_condition(record)].append(record)
    lines = [
        f"| {' | '.join(map(escaped, key))} | {_mean(runs)} | {len(runs)} |"
        for key, runs in sorted(groups.items())
    ]
    if not lines:
        none = "The records have scores on phantoms alone, which say nothing of a backbone."
        return [none] if found else [], unread
    head = (
        "| task | protocol | recipe | metric | profile | labels | split "
        "| mean ± standard deviation | runs |"
    )
    table = "\n".join([head, "|---|---|---|---|---|---|---|---:|---:|", *lines])
    return [table, "In percent, over runs with other seeds, on real images."], unread


def _condition(record: StoredRecord) -> tuple[str, ...]:
    return (
        f"{record.task}, version {record.task_version}",
        record.protocol,
        record.recipe,
        record.metric,
        record.profile,
        f"{record.label_fraction:.0%}",
        record.split,
    )


def _same_weights(record: StoredRecord, entry: Entry) -> bool:
    """Whether a record is of these weights, as far as both tell; the name alone may have been used before."""
    known = entry.weights.sha256 if entry.weights else None
    recorded = record.backbone.weights_sha256
    return known is None or recorded is None or recorded.startswith(known)


def _mean(runs: list[StoredRecord]) -> str:
    values = [100 * run.value for run in runs]
    spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.1f}{spread}"
