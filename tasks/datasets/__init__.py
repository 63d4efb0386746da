"""The twelve data sets: one file each, with the download's facts on top and a `prepare` below.

A new data set is a new file beside this one that says `DATASET = Dataset(...)` and defines `prepare(source, writer)`.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib
import json
import pkgutil
import sys
from pathlib import Path
from types import ModuleType

from tasks.datasets.dataset import Dataset
from tasks.prepared import Writer

__all__ = ["Dataset", "available", "get", "names", "prepare"]

VERSION = 1  # of the preparers: a prepared data set of another version is made anew
PHANTOM = "PHANTOM"  # the file by which a generated download says so


def names() -> list[str]:
    """The data sets that there are."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name != "dataset")


def get(name: str) -> Dataset:
    """The facts of a data set.

    Raises:
        ValueError: if there is none called so, with the names that come close.
    """
    return module(name).DATASET


def module(name: str) -> ModuleType:
    """The file of a data set."""
    if name not in names():
        close = difflib.get_close_matches(name, names())
        raise ValueError(
            f"no data set {name!r}: {f'did you mean {close[0]}?' if close else 'choose from ' + ', '.join(names())}"
        )
    return importlib.import_module(f"{__name__}.{name}")


def available(downloads: Path) -> list[str]:
    """The data sets whose folder lies in a folder of downloads."""
    return [name for name in names() if (downloads / get(name).folder).is_dir()]


def prepare(name: str, downloads: Path, out: Path) -> Path:
    """Turn a download into the prepared layout; one that is already prepared from the same files is reused.

    Args:
        name: of the data set.
        downloads: the folder that holds the download's folder.
        out: the folder of prepared data sets.

    Returns:
        The folder of the prepared data set, OUT/NAME.

    Raises:
        FileNotFoundError, ValueError: naming the file that is missing or wrong, and the remedy; nothing is written.
    """
    dataset = get(name)
    source = downloads / dataset.folder
    if not source.is_dir():
        raise FileNotFoundError(
            f"{source}: no such folder. Download {dataset.title} from {dataset.page} "
            f"and unpack it there: {dataset.layout}"
        )
    folder = out / name
    signature = source_signature(source)
    meta = folder / "meta.json"
    if meta.is_file() and json.loads(meta.read_text()).get("source_signature") == signature:
        return folder
    with Writer(folder) as writer:
        writer.meta.update(
            name=name,
            kind=dataset.kind,
            classes=list(dataset.classes),
            title=dataset.title,
            modality=dataset.modality,
            licence=dataset.licence,
            citation=dataset.citation,
            page=dataset.page,
            phantom=(source / PHANTOM).is_file(),
            missing=[],
            source_signature=signature,
        )
        module(name).prepare(source, writer)
        missing = writer.meta["missing"]
        writer.meta["complete"] = writer.meta["phantom"] or not missing
        if missing and not writer.meta["phantom"]:
            print(
                f"warning: {source} lacks {len(missing)} files of the published split, such as {missing[0]}: "
                "figures on it are marked as incomplete",
                file=sys.stderr,
            )
    return folder


def source_signature(source: Path) -> str:
    """A cheap fingerprint of a download: names, sizes and times of its files, and the preparers' version."""
    digest = hashlib.sha256(str(VERSION).encode())
    for path in sorted(source.rglob("*")):
        if path.is_file():
            state = path.stat()
            digest.update(
                f"{path.relative_to(source)} {state.st_size} {state.st_mtime_ns}\n".encode()
            )
    return digest.hexdigest()
