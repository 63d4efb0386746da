"""The data sets of a plan: which are there, and that they lie prepared, real ones from downloads or phantoms."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from benchmarks.grid import RunSpec
from benchmarks.scheduler.lease import alone
from benchmarks.tables import say
from lvmmed_backbones.layout.check import read_meta
from lvmmed_backbones.layout.files import check_lists
from tasks import datasets, phantoms, registry


@dataclass(frozen=True)
class PreparedData:
    """A data set, prepared on this machine.

    Attributes
    ----------
    folder : Path
        Where it lies.
    fingerprint : str
        Of its content.
    complete : bool
        Whether all of the data set was there.
    phantom : bool
        Whether it was generated.
    """

    folder: Path
    fingerprint: str
    complete: bool
    phantom: bool


def with_data(specs: Sequence[RunSpec], downloads: Path | None, chosen: bool) -> list[RunSpec]:
    """The runs whose data set is there, or has a phantom where no downloads are named; stderr tells which are not.

    Parameters
    ----------
    downloads : Path or None
        The folder of downloads, or None for phantoms.
    chosen : bool
        Whether the user named the tasks, so that missing data is an error and not a reason to leave them out.

    Raises
    ------
    FileNotFoundError
        If nothing is, or if something is missing that the user named.
    """
    if downloads is None:
        there, remedy = (
            phantoms.names(),
            "A phantom is missing: name a folder of downloads by --data",
        )
    else:
        there, remedy = (
            datasets.available(downloads),
            "Download it into the folder in brackets; `python -m tasks list` tells where from",
        )
    needed = {spec.task: registry.get(spec.task).task.dataset for spec in specs}
    missing = {task: name for task, name in needed.items() if name not in there}
    text = ", ".join(
        f"{task} ({downloads / datasets.get(name).folder if downloads else name})"
        for task, name in missing.items()
    )
    left = [spec for spec in specs if spec.task not in missing]
    if missing and (chosen or not left):
        raise FileNotFoundError(f"no data for {text}. {remedy}.")
    if missing:
        say(f"left out, without data: {text}")
    return left


def prepare(names: Iterable[str], downloads: Path | None, work: Path) -> dict[str, PreparedData]:
    """Prepare the data sets `names`, those that are not yet; two drivers do not prepare one at the same time.

    Parameters
    ----------
    downloads : Path or None
        The folder of downloads, or None for phantoms, which are generated in `work`.

    Returns
    -------
    dict of str to PreparedData
        Each data set by its name.

    Raises
    ------
    FileNotFoundError, ValueError
        As the preparers do, naming the file and the remedy.
    """
    folder = prepared_folder(downloads, work)
    found = {}
    for name in tqdm(list(names), desc="data sets", unit="set", leave=False):
        with alone(folder / f".{name}", f"the preparation of {name}"):
            source = downloads
            if source is None:
                source = work / "phantoms"
                if not (source / datasets.get(name).folder / "PHANTOM").is_file():
                    phantoms.generate(name, source)
            prepared = datasets.prepare(name, source, folder)
        meta = read_meta(prepared)
        check_lists(prepared, meta)
        found[name] = PreparedData(
            prepared, meta["fingerprint"], complete=meta["complete"], phantom=meta["phantom"]
        )
    return found


def prepared_folder(downloads: Path | None, work: Path) -> Path:
    """Where the prepared data sets of a folder of downloads lie; None stands for phantoms."""
    if downloads is None:
        return work / "prepared" / "phantoms"
    digest = hashlib.sha256(str(downloads.resolve()).encode()).hexdigest()[:8]
    return work / "prepared" / f"{downloads.resolve().name}-{digest}"
