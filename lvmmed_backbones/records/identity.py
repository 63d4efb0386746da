"""The identity of a run, in a file beside its record: its checksum is the run's name, on every machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from operator import attrgetter
from pathlib import Path
from typing import Any

from lvmmed_backbones.display import plain
from lvmmed_backbones.files.outside import MIB, Refused, read_json
from lvmmed_backbones.records.checked import fault
from lvmmed_backbones.records.folder import nfc
from lvmmed_backbones.records.record import IDENTITY, SUITE, Record

REMEDY = "Restore the file, or measure the run anew"
# Where in the record those facts of the identity stand that a record has, too.
IN_RECORD = {
    "task": "task",
    "task_version": "task_version",
    "backbone": "backbone.name",
    "weights_sha256": "backbone.weights_sha256",
    "profile": "profile",
    "protocol": "protocol",
    "split": "split",
    "seed": "seed",
    "data_fingerprint": "data.fingerprint",
    "threads": "threads",
    "recipe": "recipe",
    "overrides": "overrides",
}
LEFT_OUT: dict[str, Any] = {"recipe": SUITE, "overrides": {}}  # what an identity does not say


def checksum(content: object) -> str:
    """Return the SHA-256 of plain data, in hex digits."""
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def run_id(facts: Mapping[str, Any]) -> str:
    """Return the name of the run with an identity: 16 hex digits."""
    return checksum(facts)[:16]


def read_identity(folder: Path, record: Record) -> dict[str, Any] | None:
    """Read the identity of a run; None if there is none, as beside the records of `lvmmed evaluate`.

    Parameters
    ----------
    folder : Path
        The run's folder.
    record : Record
        The record in it.

    Raises
    ------
    Refused
        If the file is no identity, its checksum is not the run's name, or it contradicts the record.
    """
    path = folder / IDENTITY
    try:
        facts = read_json(path, REMEDY, within=folder, most=MIB)
    except FileNotFoundError:
        return None
    wrong = fault(facts) if isinstance(facts, dict) else "no JSON object"
    if wrong:
        raise Refused(path, f"is {wrong}", REMEDY)
    if run_id(facts) != record.run:
        reason = f"is of the run {run_id(facts)}, the record beside it of {plain(record.run)}"
        raise Refused(path, reason, REMEDY)
    for name, place in IN_RECORD.items():
        said = facts.get(name, LEFT_OUT.get(name))
        recorded = attrgetter(place)(record)
        if (nfc(said) if isinstance(said, str) else said) != recorded:
            reason = f"says {name} {said!r}, the record beside it {recorded!r}"
            raise Refused(path, reason, REMEDY)
    return facts
