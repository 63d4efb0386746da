"""What backbones have seen, in marks and words: the same in every form of a report."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pandas as pd

from reports.reading.seen import CLEAN, DATA_SET, STATES, TEST_IMAGES, UNKNOWN, Seen, State, told

MARKS: dict[State, str] = {TEST_IMAGES: "●", DATA_SET: "○", UNKNOWN: "?"}
MEANINGS: dict[State, str] = {
    TEST_IMAGES: "test images of the task",
    DATA_SET: "its data set, or one that shares images with it, but no test image that is known",
    UNKNOWN: "not known",
}
UNMARKED = "no mark: neither, by what is declared"
SILENT = (
    "Not known: what the pretrained backbones have seen of the tasks' images. Nobody declares it."
)


def mark_of(state: State | None) -> str:
    """The mark of what a backbone has seen; empty where nothing is to be said."""
    return MARKS.get(state, "") if state else ""


def seen_words(state: State, number: Any = None, tested: Any = None) -> str:
    """What a backbone has seen in words, such as 'saw the test images (3 of 20)'."""
    count = count_text(number, tested)
    return f"{state} ({count})" if state == TEST_IMAGES and count else state


def count_text(number: Any, tested: Any) -> str:
    """How many of how many test cases, such as '3 of 20'; empty if it is not known."""
    if number is None or pd.isna(number):
        return ""
    return str(number) if tested is None or pd.isna(tested) else f"{number} of {tested}"


def seen_notes(seen: Collection[Seen]) -> list[str]:
    """What the marks of a table mean, as far as they occur; or that nothing is known."""
    states = {one.state for one in seen}
    return legend(states) if told(seen) else [SILENT] if UNKNOWN in states else []


def legend(states: Iterable[State]) -> list[str]:
    """What the marks of some states mean: no sentence, or one."""
    occur = set(states)
    meanings = [f"{MARKS[s]} {MEANINGS[s]}" for s in STATES if s in occur and s in MARKS]
    if not meanings:
        return []
    return [
        f"Seen in pretraining: {'; '.join([*meanings, *([UNMARKED] if CLEAN in occur else [])])}."
    ]
