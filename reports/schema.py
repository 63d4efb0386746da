"""What a record.json says: its fields, their types and ranges. msgspec decodes and checks them."""

from __future__ import annotations

import json
import re
import reprlib
from functools import reduce
from operator import getitem
from typing import Annotated, Any, Literal, TypeVar

import msgspec

SCHEMA = 2
EARLIER = (
    "schema {}, from before task versions; this version reads schema {}. "
    "Run again, or report with the checkout that wrote it ({})."
)
AGAIN = "delete its folder and run `python -m benchmarks run` again"
FOREIGN = "not a record of this suite ({}). Move it out of the results."
LONGEST = 500  # characters of a text: a longer one is no name, and no page has room for it
MOST = 1000  # of the parts of a field
DEEPEST = 4  # of a field's parts within parts

Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Positive = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
Amount = Annotated[float, msgspec.Meta(ge=0, le=1e15)]  # of seconds: 30 million years
Fraction = Annotated[float, msgspec.Meta(gt=0, le=1)]


class Part(msgspec.Struct):
    """A part of a record. Its texts can stand in any report: none is blank, endless or garbles a terminal."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, str):  # by itself, since a record has twenty
                sound = value.isprintable() and len(value) <= LONGEST and value.strip()
                wrong = "" if sound else fault(value) or "empty"
            else:
                wrong = fault(value) if isinstance(value, (dict, list)) else ""
            if wrong:
                raise ValueError(f"{name} is {reprlib.repr(value)}, {wrong}")


class Backbone(Part):
    """Which backbone, and what it is.

    `weights_sha256` is None for random weights, `pretraining_seed` where all seeds have the same ones.
    """

    name: str
    architecture: str
    method: str
    corpus: str
    parameters: Count
    weights_sha256: str | None
    pretraining_seed: Count | None = None


class Data(Part):
    """The data: its identity, whether all of it is there, images by split."""

    fingerprint: str
    complete: bool
    counts: dict[str, Count]


class Provenance(Part):
    """Where and when a figure comes from."""

    versions: dict[str, str]
    machine: dict[str, Any]
    git_revision: str | None
    started: str


class Content(Part):
    """A record without the scores of its cases; fields that are not named here are skipped.

    Metrics may be undefined: null, or NaN where something else than this suite wrote the file.
    """

    schema: Annotated[int, msgspec.Meta(ge=SCHEMA, le=SCHEMA)]
    run: str
    task: str
    task_version: Positive
    dataset: str
    kind: str
    backbone: Backbone
    protocol: str
    label_fraction: Fraction
    seed: Count
    profile: str
    threads: Positive
    figure: Literal["measured", "phantom"]
    metric: str
    metrics: dict[str, float | None]
    data: Data
    provenance: Provenance
    cost: dict[str, Amount]
    split: str = "published"


class Cases(msgspec.Struct):
    """The scores of the cases of a record: beside its name, each has numbers, None: undefined."""

    cases: list[dict[str, str | float | None]]

    def __post_init__(self) -> None:
        for row in self.cases:
            texts = {name: value for name, value in row.items() if isinstance(value, str)}
            if list(texts) != ["case"] or not texts["case"].isprintable():
                raise ValueError(
                    f"cases has {reprlib.repr(row)}, not a printable name 'case' and numbers"
                )


class Earlier(ValueError):
    """A record of an earlier schema: perhaps sound, but not to be mixed with those of this schema."""


Kind = TypeVar("Kind", Content, Cases)
DECODERS: dict[type, msgspec.json.Decoder] = {
    kind: msgspec.json.Decoder(kind) for kind in (Content, Cases)
}


def decode(data: bytes, kind: type[Kind]) -> Kind:
    """The content of a record's file.

    Raises:
        Earlier: if its schema is; ValueError: naming the field, its value and the remedy.
    """
    try:
        return DECODERS[kind].decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return explained(data, kind)


def decode_whole(data: bytes) -> Content:
    """The content of a record's file, if its cases decode, too: a run with such a record is done.

    Raises:
        ValueError: as `decode`.
    """
    decode(data, Cases)
    return decode(data, Content)


def explained(data: bytes, kind: type[Kind]) -> Kind:
    """Decode slowly, for what is wrong to be named; Python's decoder lets NaN pass, as `metrics` do.

    Raises:
        ValueError: as `decode`.
    """
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"not valid JSON ({error}). The file was cut short or edited: {AGAIN}."
        ) from error
    if isinstance(content, dict):
        check_schema(content)
    try:
        return msgspec.convert(content, kind)
    except msgspec.ValidationError as error:
        raise ValueError(sentence(str(error), content)) from error
    except RecursionError as error:
        raise ValueError(f"nested too deeply. Restore the file, or {AGAIN}.") from error


def check_schema(content: dict[str, Any]) -> None:
    """Refuse the schema of another version of this suite, whatever else the file says.

    Raises:
        Earlier, ValueError: naming it and the remedy.
    """
    schema = content.get("schema")
    if type(schema) is not int:
        return
    check_known(schema, SCHEMA)
    if schema < SCHEMA:
        raise Earlier(EARLIER.format(schema, SCHEMA, written_by(content)))


def check_known(schema: int, latest: int) -> None:
    """Refuse a schema that this version of the suite knows nothing of.

    Raises:
        ValueError: naming it and the remedy.
    """
    if schema > latest:
        raise ValueError(
            f"schema {schema}, but this version reads up to {latest}. Update the checkout."
        )
    if schema < 1:
        raise ValueError(f"schema {schema}, which never existed. Restore the file, or {AGAIN}.")


def written_by(content: dict[str, Any]) -> str:
    """The commit that a record of any schema was written by, in words."""
    provenance = content.get("provenance")
    commit = provenance.get("git_revision") if isinstance(provenance, dict) else None
    if not isinstance(commit, str) or not commit or fault(commit):
        return "it names no commit"
    return f"commit {commit}"


def sentence(error: str, content: Any) -> str:
    """The words of a ValidationError, with the value at fault and the remedy.

    Args:
        error: such as 'Expected `int`, got `str` - at `$.data.counts[...]`', or of a `Part`.
        content: of the file.
    """
    words, _, place = error.replace("`", "").replace(" | ", " or ").partition(" - at $")
    names = re.findall(r"\.(\w+)", place)
    said = words[0].lower() + words[1:]
    if words.startswith("Object missing"):
        return FOREIGN.format(" of ".join([said, *reversed(names)]))
    if words.startswith(("Expected", "Invalid", "Number")):
        if not names:
            return FOREIGN.format(said)
        said = f"is {reprlib.repr(reduce(getitem, names, content))}, {said}"
        return f"{'.'.join(names)} {said}. Restore the file, or {AGAIN}."
    return f"{'.'.join([*names, words])}. Restore the file, or {AGAIN}."


def fault(value: Any, depth: int = 0) -> str:
    """What keeps a field out of reports, names of its parts included; empty if nothing does."""
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
    texts = "".join(value) if isinstance(value, dict) else ""  # at once: nearly all are sound
    if len(texts) > LONGEST or not texts.isprintable():
        for text in value:
            if wrong := fault(text):
                return wrong
    for part in value.values() if isinstance(value, dict) else value:
        if type(part) is not float and part is not None and (wrong := fault(part, depth + 1)):
            return wrong
    return ""
