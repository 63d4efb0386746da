"""The files of reports: their names, templates of pages, and how they are written: all of a call, or none.

Names are made safe here, not by python-slugify: a name that is safe keeps its letters, dots and case, and a checksum
keeps names apart that only differ in what was taken out.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lvmmed_backbones.display import csv_cell
from lvmmed_backbones.files.writing import replacing, sweep, sync

LONGEST_NAME, LONGEST_ADDRESS = 80, 60


def as_csv(table: pd.DataFrame) -> str:
    """The text of a CSV file, in which no spreadsheet takes a text of a record for a formula."""
    texts = table.select_dtypes(exclude=["number", "bool"])
    return table.assign(**texts.map(csv_cell)).to_csv(index=False, lineterminator="\n")


def html_templates(folder: Path) -> Environment:
    """The templates of a folder; they escape whatever a record says, and refuse unknown names."""
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def write_texts(out: Path, texts: Mapping[str, str]) -> list[Path]:
    """Write text files, by name, into a folder, which is made if it is absent; return their paths.

    Raises
    ------
    DiskFull, OSError
        If `out` cannot be written to; all files are then as they were.
    """
    write_files({out / name: text.encode() for name, text in texts.items()})
    return [out / name for name in texts]


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Write files, by path; make their folders, and remove what a killed call left in them.

    All files are on the disk before the first takes its place. A kill between the renames leaves some new and some
    old, each of them whole.

    Raises
    ------
    DiskFull, OSError
        If a file cannot be written; all are then as they were.
    """
    for folder in {path.parent for path in contents}:
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder)
    with ExitStack() as stack:
        for path, content in contents.items():
            scratch = stack.enter_context(replacing(path))
            scratch.write_bytes(content)
            sync(scratch)


def checksum(text: str) -> str:
    """A piece of the checksum of a text: 8 hex digits."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:8]


def file_name(*words: str) -> str:
    """Words as part of a file's name: letters, digits, dots, underscores and hyphens.

    If words lose a character by that, or are too long, a checksum is added, so that different words have different
    names.
    """
    text = "-".join(words)
    safe = re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-.")[:LONGEST_NAME]
    return safe if safe == text else f"{safe}-{checksum(text)}".lstrip("-")


def page_addresses(names: Iterable[str]) -> dict[str, str]:
    """A file name, without extension, for each name: letters, digits, `_` and `-` only.

    A safe name stays as it is; any other one is cut, and a checksum is added. No two addresses are equal, not even on
    a file system that takes upper and lower case for the same.

    >>> page_addresses(["resnet50", "../etc"])
    {'../etc': 'etc-f7f9121f', 'resnet50': 'resnet50'}
    """
    addresses: dict[str, str] = {}
    taken: set[str] = set()
    for name in sorted(set(names)):
        safe = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:LONGEST_ADDRESS] or "unnamed"
        free = safe == name and safe.lower() not in taken
        address = safe if free else f"{safe}-{checksum(name)}"
        while address.lower() in taken:
            address += "-"
        taken.add(address.lower())
        addresses[name] = address
    return addresses
