"""What is known of the paper's data sets."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files


@cache
def list_data_sets() -> list[dict[str, str]]:
    """A row for each data set of LVM-Med's corpus: name, modality, organ, page, licence, images; empty: not known."""
    text = (files(__package__) / "datasets.csv").read_text()
    return list(csv.DictReader(text.splitlines()))


def facts_of(name: str) -> tuple[str, str]:
    """Modality and organ of a data set, by its name in any case; empty where it is not in the list."""
    for row in list_data_sets():
        if row["name"].lower() == name.lower():
            return row["modality"], row["organ"]
    return "", ""
