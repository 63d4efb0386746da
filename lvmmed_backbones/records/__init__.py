"""What a run leaves behind: its record and its gallery, written and read by the same definitions.

A record is one JSON file of a run's folder. Nothing here needs torch or OpenMMLab.
"""

from __future__ import annotations

from lvmmed_backbones.records.folder import StoredRecord, nfc, read, read_cases, read_done
from lvmmed_backbones.records.record import (
    CONFIG,
    DATA_SOURCES,
    FILE,
    IDENTITY,
    RECIPES,
    RELEASE,
    RUNS,
    SUITE,
    Backbone,
    Data,
    Override,
    Pretraining,
    Provenance,
    Recipe,
    Record,
    WholeRecord,
    finite,
    overrides_text,
)

__all__ = [
    "CONFIG",
    "DATA_SOURCES",
    "FILE",
    "IDENTITY",
    "RECIPES",
    "RELEASE",
    "RUNS",
    "SUITE",
    "Backbone",
    "Data",
    "Override",
    "Pretraining",
    "Provenance",
    "Recipe",
    "Record",
    "StoredRecord",
    "WholeRecord",
    "finite",
    "nfc",
    "overrides_text",
    "read",
    "read_cases",
    "read_done",
]
