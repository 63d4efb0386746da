"""Decode the bytes of a record's file, or say in one line what is wrong with them."""

from __future__ import annotations

import json
import re
import reprlib
from functools import reduce
from operator import getitem
from typing import Any, TypeVar

import msgspec

from lvmmed_backbones.records.checked import AGAIN, fault
from lvmmed_backbones.records.record import (
    SCHEMA,
    Case,
    Cases,
    WholeRecord,
    WholeRecordOfSchema2,
)

OLDEST = 2  # the oldest schema that is read
EARLIER = (
    "schema {}, from before task versions; this version reads schemas {} to {}. "
    "Run again, or report with the checkout that wrote it ({})."
)
FOREIGN = "not a record of this suite ({}). Move it out of the results."


class Earlier(ValueError):
    """A record of an earlier schema: perhaps sound, but not to be mixed with those of this schema."""


class _Versioned(msgspec.Struct):
    """The part that every version of the file has."""

    schema: int


T = TypeVar("T")
_RECORD: msgspec.json.Decoder[WholeRecord] = msgspec.json.Decoder(
    WholeRecord | WholeRecordOfSchema2
)
_CASES = msgspec.json.Decoder(Cases)


def decode(data: bytes) -> WholeRecord:
    """Return the record in a file.

    Raises
    ------
    Earlier
        If it is of a schema that is no longer read.
    ValueError
        Naming the field, its value and the remedy.
    """
    return _decoded(data, _RECORD)


def decode_cases(data: bytes) -> list[Case]:
    """Return the cases of the record in a file; the rest of it is skipped.

    Raises
    ------
    Earlier, ValueError
        As `decode`.
    """
    return _decoded(data, _CASES).cases


def _decoded(data: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _explained(data, decoder.type)


def _explained(data: bytes, kind: type[T]) -> T:
    """Decode slowly, to name what is wrong. Python's decoder lets NaN pass, as `metrics` do."""
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"not valid JSON ({error}). The file was cut short or edited: {AGAIN}."
        ) from error
    try:
        schema = msgspec.convert(content, _Versioned).schema
        check_known(schema, SCHEMA)
        if schema < OLDEST:
            raise Earlier(EARLIER.format(schema, OLDEST, SCHEMA, _written_by(content)))
        return msgspec.convert(content, kind)
    except msgspec.ValidationError as error:
        raise ValueError(_sentence(str(error), content)) from error
    except RecursionError as error:
        raise ValueError(f"nested too deeply. Restore the file, or {AGAIN}.") from error


def check_known(schema: int, latest: int) -> None:
    """Refuse a schema that this version of the suite knows nothing of.

    Raises
    ------
    ValueError
        Naming it and the remedy.
    """
    if schema > latest:
        raise ValueError(
            f"schema {schema}, but this version reads up to {latest}. Update the checkout."
        )
    if schema < 1:
        raise ValueError(f"schema {schema}, which never existed. Restore the file, or {AGAIN}.")


def _written_by(content: dict[str, Any]) -> str:
    """Return in words the commit that wrote a record of any schema."""
    provenance = content.get("provenance")
    commit = provenance.get("git_revision") if isinstance(provenance, dict) else None
    if not isinstance(commit, str) or not commit or fault(commit):
        return "it names no commit"
    return f"commit {commit}"


def _sentence(error: str, content: Any) -> str:
    """Return the words of a ValidationError, with the value at fault and the remedy.

    Parameters
    ----------
    error : str
        Its text, such as 'Expected `int`, got `str` - at `$.data.counts[...]`', or that of a `CheckedStruct`.
    content : object
        The content of the file.
    """
    complaint, _, place = error.replace("`", "").replace(" | ", " or ").partition(" - at $")
    names = re.findall(r"\.(\w+)", place)
    reason = complaint[0].lower() + complaint[1:]
    if complaint.startswith("Object missing"):
        return FOREIGN.format(" of ".join([reason, *reversed(names)]))
    if complaint.startswith(("Expected", "Invalid", "Number")):
        if not names:
            return FOREIGN.format(reason)
        reason = f"is {reprlib.repr(reduce(getitem, names, content))}, {reason}"
        return f"{'.'.join(names)} {reason}. Restore the file, or {AGAIN}."
    return f"{'.'.join([*names, complaint])}. Restore the file, or {AGAIN}."
