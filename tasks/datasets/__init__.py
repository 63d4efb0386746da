"""The data sets: each has a card with the facts of its download, and the function that prepares it.

A new data set is a new file in `cards/`, or anywhere, that says `@prepares(Dataset(...))` before such a function.
"""

from __future__ import annotations

import hashlib
import os
import pkgutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from tqdm import tqdm

from lvmmed_backbones.display import plain, unknown_name
from lvmmed_backbones.files.folders import lies_in, states, walk
from lvmmed_backbones.files.outside import Refused
from lvmmed_backbones.importing import import_added
from lvmmed_backbones.layout import Writer, write_data_set
from lvmmed_backbones.layout.check import read_meta
from lvmmed_backbones.layout.files import fingerprint
from lvmmed_backbones.plugins import load_installed
from tasks.datasets import cards

__all__ = ["Dataset", "available", "get", "names", "prepare", "prepares", "source_of"]

VERSION = 5  # version of the preparers: a prepared data set of another version is made anew
# The facts that meta.json does not repeat.
OF_DOWNLOADS = ("folder", "layout", "images", "unit", "shipped")
PHANTOM = "PHANTOM"  # the file that marks a generated download
SHIPPED = Path(__file__).resolve().parents[1] / "shipped"  # data sets that come with the suite


Prepare = Callable[[Path, Writer], None]
PREPARERS: dict[str, tuple[Dataset, Prepare]] = {}


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Facts of a data set.

    Attributes
    ----------
    name : str
        In task configs and commands.
    title : str
        The name that its authors use.
    folder : str
        Folder of the download, in the folder of downloads.
    layout : str
        What lies in that folder.
    kind : {"segmentation", "volumes", "detection", "classification"}
        Kind of annotation.
    classes : tuple of str
        Class 0 is the background in segmentation and volumes.
    modality : str
        Modality and organ.
    images : int
        How many a preparer makes of the whole download, in `unit`s.
    unit : {"images", "cases"}
        What is counted.
    shipped : bool
        Whether it comes with the suite, in tasks/shipped/FOLDER: then `images` counts what comes, and the title says
        which part of the whole it is.
    foreground : (float, float) or None
        Least and largest share of an image that the download's median mask may cover, where it was measured. A check
        reports a prepared data set outside of it.
    licence, citation, page : str
        Facts of the data set.
    """

    name: str
    title: str
    folder: str
    layout: str
    kind: Literal["segmentation", "volumes", "detection", "classification"]
    classes: tuple[str, ...]
    modality: str
    images: int
    licence: str
    citation: str
    page: str
    unit: Literal["images", "cases"] = "images"
    shipped: bool = False
    foreground: tuple[float, float] | None = None


def prepares(*datasets: Dataset) -> Callable[[Prepare], Prepare]:
    """Register a function as the one that prepares these data sets, and the data sets with it.

    It takes the folder of a download, and the `Writer` of the prepared data set, whose `meta["name"]` tells which.

    Raises
    ------
    ValueError
        If another data set has the name.
    """

    def register(function: Prepare) -> Prepare:
        for dataset in datasets:
            known = PREPARERS.setdefault(dataset.name, (dataset, function))
            if known[0] != dataset:
                raise ValueError(
                    f"two data sets are called {dataset.name}: {known[0].title}, and {dataset.title}. Rename one"
                )
        return function

    return register


def names() -> list[str]:
    """Return the names of all data sets."""
    return sorted(_known())


def get(name: str) -> Dataset:
    """Return the facts of a data set.

    Raises
    ------
    ValueError
        If there is none called so, with the names that come close.
    """
    if name not in _known():
        raise unknown_name("data set", name, names())
    return _known()[name][0]


def _known() -> Mapping[str, tuple[Dataset, Prepare]]:
    """Return each data set and the function that prepares it, by name: from the cards, and from plugins."""
    load_installed()
    for card in pkgutil.iter_modules(cards.__path__):
        import_added(cards.__name__, card.name)
    return PREPARERS


def available(downloads: Path | None = None) -> list[str]:
    """Return the data sets that are there: those in a folder of downloads, and those that come with the suite."""
    return [name for name in names() if source_of(name, downloads) is not None]


def source_of(name: str, downloads: Path | None = None) -> Path | None:
    """Return where the download of a data set lies: DOWNLOADS/FOLDER, or else what comes with the suite.

    None if it is not there.

    Raises
    ------
    ValueError
        If there is no data set called so.
    """
    dataset = get(name)
    if downloads is not None and (downloads / dataset.folder).is_dir():
        return downloads / dataset.folder
    return SHIPPED / dataset.folder if dataset.shipped else None


def prepare(name: str, downloads: Path | None, out: Path) -> Path:
    """Turn a download into the prepared layout; one that is already prepared from the same files is reused.

    Parameters
    ----------
    name : str
        The name of the data set.
    downloads : Path or None
        The folder that holds the download's folder; None, or without that folder: what comes with the suite.
    out : Path
        The folder of prepared data sets.

    Returns
    -------
    Path
        The folder of the prepared data set, OUT/NAME.

    Raises
    ------
    FileNotFoundError, ValueError
        Naming the file that is missing or wrong, and the remedy; nothing is written.
    """
    dataset = get(name)
    source = source_of(name, downloads)
    if source is None:
        raise FileNotFoundError(
            f"{(downloads or Path('DOWNLOADS')) / dataset.folder}: no such folder. "
            f"Download {dataset.title} from {dataset.page} and unpack it there: {dataset.layout}"
        )
    folder = out / name
    signature = source_signature(source)
    if _is_prepared(folder, signature):
        return folder
    with write_data_set(folder) as writer:
        meta = writer.meta
        meta |= {k: fact for k, fact in asdict(dataset).items() if k not in OF_DOWNLOADS}
        meta |= dict(phantom=(source / PHANTOM).is_file(), missing=[])
        meta |= dict(preparer_version=VERSION, source_signature=signature)
        _known()[name][1](source, writer)
        meta["expected"], meta["found"] = dataset.images, writer.cases()
        lacking = meta["found"] < meta["expected"] or bool(meta["missing"])
        meta["complete"] = meta["phantom"] or not lacking
    for sentence in _warnings(meta):
        # tqdm writes it clear of progress bars.
        tqdm.write(plain(f"warning: {source} {sentence}"), file=sys.stderr)
    return folder


def _warnings(meta: Mapping[str, Any]) -> list[str]:
    """Return what a user should know of a preparation that went well: what the download lacks, what was left out."""
    sentences = []
    if not meta["complete"]:
        example = f", such as {meta['missing'][0]}" if meta["missing"] else ""
        sentences.append(
            f"has {meta['found']} of {meta['expected']} images or cases"
            f" and lacks {len(meta['missing'])} of the published split{example}:"
            " figures on it are marked as incomplete"
        )
    if meta.get("left_out"):
        sentences.append(
            f"has {len(meta['left_out'])} further masks of another size than their image, "
            f"such as {meta['left_out'][0]}: they are left out"
        )
    return sentences


def _is_prepared(folder: Path, signature: str) -> bool:
    """Whether a folder holds what this version of the preparers makes of a download."""
    try:
        meta = read_meta(folder)
    except (FileNotFoundError, Refused):  # missing or damaged: it is made anew
        return False
    return meta.get("source_signature") == signature


def source_signature(source: Path) -> str:
    """Return a cheap fingerprint of a download: names, sizes and times of its files, and the preparers' version.

    Of what comes with the suite, contents in place of times, which are the checkout's. The download's own folder may be
    a link to another disk. Within it, links are followed, and none may lead out.

    Raises
    ------
    Refused
        If a link does, or the folder cannot be read.
    """
    if source.is_relative_to(SHIPPED):
        return f"{VERSION} {fingerprint(source)}"
    digest = hashlib.sha256(str(VERSION).encode())
    inside = os.path.realpath(source)
    names = [str(path) for path in sorted(map(Path, walk(source, links_too=True)))]
    for name, state in zip(names, states(source, names), strict=True):
        if state.target and not lies_in(state.target, inside):
            remedy = f"Put the file itself there, or make a link of {source} as a whole"
            raise Refused(source / name, f"leads out of {source}", remedy)
        if state.regular or state.target:
            digest.update(b"%s %d %d" % (os.fsencode(name), state.size, state.time))
            if state.target:  # a link may lead elsewhere tomorrow
                digest.update(b" " + os.fsencode(os.path.relpath(state.target, inside)))
            digest.update(b"\n")
    return digest.hexdigest()
