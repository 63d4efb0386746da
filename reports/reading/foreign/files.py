"""Find the files of other tools; what a file is follows from its content, never from its name alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from lvmmed_backbones.files.folders import walk
from lvmmed_backbones.files.outside import Refused, read_bytes, refusing
from lvmmed_backbones.records import FILE, nfc
from lvmmed_backbones.records.folder import listed
from reports.reading.foreign import eva, mteb, table, thunder
from reports.reading.foreign.rows import MOST_BYTES, MOST_ROWS, Found, Row
from reports.reading.selection import Filters, option_name

JSON = ".json"
ENDINGS = (".csv", ".tsv", ".txt", JSON)
MOST_FILES = 20_000
KNOWN = (
    "a CSV with the columns backbone, task, metric and value, or a result of eva, THUNDER or MTEB"
)
REMEDY = f"Name {KNOWN}"


def is_foreign(results: Path) -> bool:
    """Whether something other than a folder of this suite's records is meant: a file, or a folder without a record."""
    return results.is_file() or (
        results.is_dir() and not any(results.rglob(FILE)) and bool(_candidates(results))
    )


def read_rows(results: Path) -> Found:
    """Read the values of a file, or of all files below a folder.

    Returns
    -------
    Found
        The rows; notes, each once; and a problem for each file that cannot be read. Files of a folder that are of no
        known format are a note.

    Raises
    ------
    Refused
        If the file, or every file of the folder, is of no known format or cannot be read.
    """
    if results.is_file():
        content = _content(results, results.parent)
        found = _read(results, content, results.parent)
        if found is None and results.suffix.lower() != JSON and table.is_text(content):
            found = table.read(results, content)  # says which columns it lacks
        if found is None:
            raise Refused(results, "is of no known format", REMEDY)
    else:
        found = _read_all(results)
    if not found.rows and not found.problems:
        raise Refused(results, f"has no scores; {' '.join(found.notes)}", REMEDY)
    found.notes = list(dict.fromkeys(found.notes))
    found.problems = list(dict.fromkeys(found.problems))
    return found


def select_rows(rows: Sequence[Row], filters: Filters) -> list[Row]:
    """The rows that pass the filters of task and protocol.

    Raises
    ------
    ValueError
        If another filter is given, or no row has a value.
    """
    given: dict = {name: values for name, values in filters.items() if values}
    if unknown := given.keys() - {"task", "protocol"}:
        raise ValueError(
            f"{option_name(min(unknown))}: scores of other tools have no such thing. Leave it out."
        )
    selected = list(rows)
    for name, values in given.items():
        known = {getattr(row, name) for row in rows}
        if unknown_value := set(map(nfc, values)) - known:
            choice = ", ".join(sorted(known - {""})) or "none"
            raise ValueError(
                f"{option_name(name)} {min(unknown_value)}: no score has it. Choose from {choice}."
            )
        selected = [row for row in selected if getattr(row, name) in map(nfc, values)]
    return selected


def _read_all(folder: Path) -> Found:
    """The values of all files below a folder."""
    paths = _candidates(folder)
    if len(paths) > MOST_FILES:
        raise Refused(folder, f"has {len(paths):,} files, of at most {MOST_FILES:,}", "Name a part")
    found = Found()
    other = []
    for path in paths:
        try:
            of_file = _read(path, _content(path, folder), folder)
        except ValueError as error:
            found.problems.append(str(error))
            continue
        if of_file is None:
            other.append(path)
        else:
            found.add(of_file)
        if len(found.rows) > MOST_ROWS:
            raise Refused(folder, f"has more than {MOST_ROWS:,} values", "Name a part of it")
    if other:
        found.notes.append(f"of no known format, not read: {_names(other, folder)}.")
    return found


def _names(paths: Sequence[Path], folder: Path) -> str:
    return listed([path.relative_to(folder) for path in paths])


def _candidates(folder: Path) -> list[Path]:
    """The files below a folder that may be of a known format, in the order of their paths; links out are none."""
    names = sorted(name for name in walk(folder) if name.lower().endswith(ENDINGS))
    return [folder / name for name in names if Path(name).name != mteb.META]


def _content(path: Path, root: Path) -> bytes:
    """The content of a file. Raises Refused if it is empty, too large, or leads out of the folder."""
    content = read_bytes(path, within=root, most=MOST_BYTES)
    if not content.strip():
        raise Refused(path, "is empty", REMEDY)
    return content


def _read(path: Path, content: bytes, root: Path) -> Found | None:
    """The values of a file; None if it is of no known format.

    Raises
    ------
    Refused
        If it is of a known format and cannot be read.
    """
    if path.suffix.lower() == JSON:
        with refusing(path, "Restore the file, or delete it", "is no whole JSON file"):
            decoded = json.loads(content)
        try:
            if eva.is_results(decoded):
                return eva.read(path, decoded, root)
            if mteb.is_result(decoded):
                return mteb.read(path, decoded)
            return thunder.read(path, decoded) if thunder.is_outputs(decoded) else None
        except Refused:
            raise
        except ValueError as error:  # a name that no report has room for
            raise Refused(path, f"a name is {error}", "Rename it") from error
    return table.read(path, content) if table.is_table(content) else None
