"""See that the data sets of a plan lie prepared: real ones from a folder of downloads, or phantoms."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from tqdm import tqdm

from benchmarks.lease import alone
from lvmmed_backbones.layout.check import read_meta
from lvmmed_backbones.layout.files import check_lists
from tasks import datasets, phantoms


def prepared_folder(downloads: Path | None, work: Path) -> Path:
    """Where the prepared data sets of a folder of downloads lie; None stands for phantoms."""
    if downloads is None:
        return work / "prepared" / "phantoms"
    digest = hashlib.sha256(str(downloads.resolve()).encode()).hexdigest()[:8]
    return work / "prepared" / f"{downloads.resolve().name}-{digest}"


def prepare(
    names: Iterable[str], downloads: Path | None, work: Path
) -> tuple[Path, dict[str, dict]]:
    """Prepare the data sets `names`, those that are not yet; two drivers do not prepare one at the same time.

    Args:
        downloads: the folder of downloads, or None for phantoms, which are generated in `work`.

    Returns:
        The folder of prepared data sets, and the meta of each by name.

    Raises:
        FileNotFoundError, ValueError: as the preparers do, naming the file and the remedy.
    """
    names = list(names)
    folder = prepared_folder(downloads, work)
    metas = {}
    for name in tqdm(names, desc="data sets", unit="set", leave=False):
        with alone(folder / f".{name}", f"the preparation of {name}"):
            source = downloads
            if source is None:
                source = work / "phantoms"
                if not (source / datasets.get(name).folder / "PHANTOM").is_file():
                    phantoms.generate(name, source)
            prepared = datasets.prepare(name, source, folder)
        metas[name] = read_meta(prepared)
        check_lists(prepared, metas[name])
    return folder, metas
