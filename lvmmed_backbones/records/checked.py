"""Structs whose texts fit into any report, and how they are written."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import msgspec

from lvmmed_backbones.files.writing import write_json

AGAIN = "delete its folder and run `python -m benchmarks run` again"
LONGEST = 500  # characters of a text: names are shorter, and no page has room for more
MOST = 1000  # parts of a field
DEEPEST = 4  # levels of a field's parts

Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
Amount = Annotated[float, msgspec.Meta(ge=0, le=1e15)]  # in seconds: 30 million years
Fraction = Annotated[float, msgspec.Meta(gt=0, le=1)]


class CheckedStruct(msgspec.Struct):
    """A part of a file, whose texts fit into any report: none is blank, endless or garbles a terminal."""

    def __post_init__(self) -> None:
        check_fields(self, self.__struct_fields__)


def check_fields(struct: msgspec.Struct, names: Iterable[str]) -> None:
    """Refuse a struct with a field that has no place in a report.

    Raises
    ------
    ValueError
        Naming the first such field.
    """
    for name in names:
        value = getattr(struct, name)
        if isinstance(value, str):  # apart, for speed: a record has twenty
            sound = value.isprintable() and len(value) <= LONGEST and value.strip()
            wrong = "" if sound else fault(value) or "empty"
        else:
            wrong = fault(value) if isinstance(value, (dict, list)) else ""
        if wrong:
            raise ValueError(f"{name} is {reprlib.repr(value)}, {wrong}")


def fault(value: Any, depth: int = 0) -> str:
    """Return what keeps a field, or the name of a part of it, out of reports; empty if nothing does."""
    if isinstance(value, str):
        if not value.isprintable():
            return "not printable"
        return f"longer than {LONGEST} characters" if len(value) > LONGEST else ""
    if isinstance(value, int):
        return "" if -(2**63) < value < 2**63 else "beyond 64 bits"
    if not isinstance(value, (dict, list)):
        return ""
    if len(value) > MOST:
        return f"of more than {MOST} parts"
    if depth == DEEPEST:
        return "nested too deeply"
    # All at once, for speed: nearly all are sound.
    texts = "".join(value) if isinstance(value, dict) else ""
    if len(texts) > LONGEST or not texts.isprintable():
        for text in value:
            if wrong := fault(text):
                return wrong
    for part in value.values() if isinstance(value, dict) else value:
        if type(part) is not float and part is not None and (wrong := fault(part, depth + 1)):
            return wrong
    return ""


def write_struct(path: Path, content: msgspec.Struct) -> None:
    """Write a struct as JSON, whole or not at all.

    Raises
    ------
    ValueError
        If it holds NaN or infinity, which JSON does not know.
    """
    write_json(path, msgspec.to_builtins(content))
