"""Any sound record, as hypothesis draws it."""

from __future__ import annotations

import unicodedata
from typing import Any

from hypothesis import strategies as st

from lvmmed_backbones.records.cases import MEANS

LETTERS = st.characters(exclude_categories=("C", "Z")) | st.just(
    " "
)  # what `str.isprintable` allows
NAMES = (
    st.text(LETTERS, min_size=1, max_size=20)
    .map(lambda text: unicodedata.normalize("NFC", text))
    .filter(str.strip)
)
COUNTS = st.integers(0, 2**63 - 1)
FRACTIONS = st.floats(0, 1)
VALUES = st.none() | st.floats(-1e6, 1e6)
AMOUNTS = st.floats(0, 1e15)
NUMBERS = st.integers(-(2**53), 2**53) | st.floats(-1e6, 1e6)
LISTS = st.lists(NAMES, max_size=3)
MACHINES = st.dictionaries(
    NAMES, st.none() | st.booleans() | COUNTS | AMOUNTS | NAMES | LISTS, max_size=4
)


@st.composite
def contents(draw: st.DrawFn) -> dict[str, Any]:
    """The JSON of any sound record."""
    # No metric here is a mean of cases, so the scores of the cases are free.
    others = NAMES.filter(lambda name: name.partition("/")[0] not in (*MEANS, "case"))
    seen = {"data_sets": LISTS, "started_from": LISTS, "corpora": LISTS}
    metric = draw(others)
    names = draw(st.lists(NAMES, max_size=4, unique=True))
    return {
        "schema": 3,
        **{k: draw(NAMES) for k in ("run", "task", "dataset", "kind", "protocol", "profile")},
        "split": draw(NAMES),
        "recipe": draw(st.sampled_from(["suite", "release"])),
        "mask_decoder": draw(st.none() | NAMES),
        "overrides": draw(
            st.dictionaries(NAMES, NUMBERS | st.lists(NUMBERS, max_size=3), max_size=2)
        ),
        "task_version": draw(st.integers(1, 2**63 - 1)),
        "threads": draw(st.integers(1, 2**63 - 1)),
        "seed": draw(COUNTS),
        "label_fraction": draw(st.floats(0, 1, exclude_min=True)),
        "data_source": draw(st.sampled_from(["measured", "phantom"])),
        "backbone": {
            **{k: draw(NAMES) for k in ("name", "architecture", "method", "corpus")},
            "parameters": draw(COUNTS),
            "weights_sha256": draw(st.none() | NAMES),
            "pretraining_seed": draw(st.none() | COUNTS),
            "pretraining": draw(st.none() | st.fixed_dictionaries(seen)),
        },
        "metric": metric,
        "metrics": {**draw(st.dictionaries(others, VALUES, max_size=3)), metric: draw(FRACTIONS)},
        "cases": [
            {"case": name, **draw(st.dictionaries(others, VALUES, max_size=3))} for name in names
        ],
        "data": {
            "fingerprint": draw(NAMES),
            "complete": draw(st.booleans()),
            "counts": draw(st.dictionaries(NAMES, COUNTS, max_size=3)),
        },
        "provenance": {
            "versions": draw(st.dictionaries(NAMES, NAMES, max_size=3)),
            "machine": draw(MACHINES),
            "git_revision": draw(st.none() | NAMES),
            "started": draw(NAMES),
            "config_sha256": draw(st.none() | NAMES),
        },
        "cost": draw(st.dictionaries(NAMES, AMOUNTS, max_size=3)),
    }
