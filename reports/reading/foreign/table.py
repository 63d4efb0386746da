"""A CSV with a value a row: columns backbone, task, metric and value, and where there are any, seed and case."""

from __future__ import annotations

import csv
import io
import math
from collections import defaultdict
from pathlib import Path

from lvmmed_backbones.display import plain
from lvmmed_backbones.files.outside import Refused, refusing
from reports.reading.foreign.rows import MOST_ROWS, Found, Row, Source, numbered, sound_name

FORMAT = "CSV"
NEEDED = ("backbone", "task", "metric", "value")
OPTIONAL = ("seed", "case")
DELIMITERS = ",;\t"  # of spreadsheets
REMEDY = "Write a value a row, under the columns backbone, task, seed, case, metric, value"


def is_table(content: bytes) -> bool:
    """Whether a file of a folder is meant to be such a CSV: the first line of the text has the column `backbone`."""
    return is_text(content) and b"backbone" in content[:4096].partition(b"\n")[0].lower()


def is_text(content: bytes) -> bool:
    """Whether a file may be a text; UTF-16 is one, so that its error names the remedy."""
    return content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" not in content[:4096]


def read(path: Path, content: bytes) -> Found:
    """Read a CSV, separated by commas, semicolons or tabs, with or without a byte order mark.

    Raises
    ------
    Refused
        If it is no UTF-8 or no whole CSV, lacks a column, has one twice, or is too long.
    """
    with refusing(path, "Save it as text in UTF-8"):
        text = content.decode("utf-8-sig")
    delimiter = max(DELIMITERS, key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    with refusing(path, "Write it again as CSV", "is no whole CSV file"):
        names = [name.strip().lower() for name in next(reader, [])]
        table = [(reader.line_num, cells) for cells in reader if any(map(str.strip, cells))]
    _check_columns(path, names, len(table))
    source, found = Source(path, FORMAT), Found()
    faults: dict[str, list[int]] = defaultdict(list)
    for line, cells in table:
        try:
            found.rows.append(_row(names, cells, delimiter, source, line))
        except ValueError as error:
            faults[str(error)].append(line)
    found.problems += [
        plain(f"{path}, {numbered(at)}: {fault}. Left out.") for fault, at in faults.items()
    ]
    if unread := [name for name in names if name not in NEEDED + OPTIONAL]:
        found.notes.append(plain(f"{path}: not read: the columns {', '.join(unread)}."))
    return found


def _check_columns(path: Path, names: list[str], length: int) -> None:
    """Refuse a table with other columns, or too many rows."""
    if missing := [name for name in NEEDED if name not in names]:
        has = ", ".join(names) or "none"
        raise Refused(path, f"has no column {' or '.join(missing)}; its columns: {has}", REMEDY)
    if twice := [name for name in NEEDED + OPTIONAL if names.count(name) > 1]:
        raise Refused(path, f"has the column {twice[0]} twice", REMEDY)
    if not length:
        raise Refused(path, "has no row below its header", REMEDY)
    if length > MOST_ROWS:
        raise Refused(path, f"has {length:,} rows, of at most {MOST_ROWS:,}", "Cut it into parts")


def _row(names: list[str], cells: list[str], delimiter: str, source: Source, line: int) -> Row:
    """A row of the table.

    Raises
    ------
    ValueError
        With what is wrong.
    """
    if len(cells) > len(names):
        raise ValueError(f"more cells than the {len(names)} columns")
    texts = dict.fromkeys(names, "") | dict(zip(names, cells, strict=False))
    clean = {}
    for name in (*NEEDED[:3], *OPTIONAL):
        try:
            clean[name] = sound_name(texts.get(name, ""))
        except ValueError as error:
            raise ValueError(f"the {name} is {error}") from error
    if empty := [name for name in NEEDED if not texts[name].strip()]:
        raise ValueError(f"no {' and no '.join(empty)}")
    value = _number(texts["value"].strip(), delimiter)
    seed = _seed(clean["seed"])
    return Row(
        clean["backbone"],
        clean["task"],
        "",
        clean["metric"],
        seed,
        clean["case"],
        value,
        source,
        line,
    )


def _number(text: str, delimiter: str) -> float:
    """A finite number; with a decimal comma where commas do not separate cells.

    Raises
    ------
    ValueError
        If it is none.
    """
    if delimiter != "," and "." not in text:
        text = text.replace(",", ".", 1)
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"the value {text[:40]!r} is no number") from None
    if not math.isfinite(value):
        raise ValueError(f"the value is {text[:40]}")
    return value


def _seed(text: str) -> int | None:
    """A seed: a whole number, as spreadsheets write it ('1' or '1.0'); None if there is none.

    Raises
    ------
    ValueError
        If it is no such number.
    """
    if not text:
        return None
    whole = text.removesuffix(".0")
    if not (whole.isascii() and whole.isdigit() and len(whole) <= 18):
        raise ValueError(f"the seed {text[:40]!r} is no whole number")
    return int(whole)
