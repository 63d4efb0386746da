"""What must lie on the disk before a grid runs: prepared data sets, and backbones that the profile pretrains."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

import torch
from tqdm import tqdm

from benchmarks import profiles
from benchmarks.grid import RunSpec
from benchmarks.scheduler.devices import VISIBLE
from benchmarks.scheduler.lease import alone
from benchmarks.scheduler.processes import in_own_process
from benchmarks.terminal import say
from lvmmed_backbones import corpus, pretrain
from lvmmed_backbones.catalogue import add_catalogue_folder
from lvmmed_backbones.corpus.auditing import images_of_split
from lvmmed_backbones.files.writing import replacing_folder
from lvmmed_backbones.layout.check import read_meta
from lvmmed_backbones.layout.files import check_lists
from lvmmed_backbones.records.audits import read_audits, write_audit
from tasks import datasets, phantoms, registry

CORPORA = "corpora"  # the folder, in `work`, of the corpora of profiles and of their audits


@dataclass(frozen=True)
class PreparedData:
    """A data set, prepared on this machine.

    Attributes
    ----------
    folder : Path
        Where it lies.
    fingerprint : str
        Checksum of its content.
    complete : bool
        Whether all of the data set was there.
    phantom : bool
        Whether it was generated.
    features : Path
        The folder of the features of all data sets.
    """

    folder: Path
    fingerprint: str
    complete: bool
    phantom: bool
    features: Path


def with_data(specs: Sequence[RunSpec], downloads: Path | None, chosen: bool) -> list[RunSpec]:
    """Return the runs whose data set is there, and name the others on stderr.

    Parameters
    ----------
    specs : sequence of RunSpec
        The grid.
    downloads : Path or None
        The folder of downloads; None: the data sets that come with the suite are there, and each that has a phantom.
    chosen : bool
        Whether the user named the tasks. Missing data is an error then; else the tasks without data are left out.

    Raises
    ------
    FileNotFoundError
        If no run has data, or one lacks data whose task the user named.
    """
    if downloads is None:
        available = {*datasets.available(), *phantoms.names()}
        remedy = "A phantom is missing: name a folder of downloads by --data"
    else:
        available = {*datasets.available(downloads)}
        remedy = "Download it into the folder in brackets; `python -m tasks list` tells where from"
    needed = {spec.task: registry.get(spec.task, spec.recipe).task.dataset for spec in specs}
    missing = {task: name for task, name in needed.items() if name not in available}
    text = ", ".join(
        f"{task} ({downloads / datasets.get(name).folder if downloads else name})"
        for task, name in missing.items()
    )
    runs_with_data = [spec for spec in specs if spec.task not in missing]
    if missing and (chosen or not runs_with_data):
        raise FileNotFoundError(f"no data for {text}. {remedy}.")
    if missing:
        say(f"left out, without data: {text}")
    return runs_with_data


def prepare(names: Iterable[str], downloads: Path | None, work: Path) -> dict[str, PreparedData]:
    """Prepare the data sets that are not prepared yet; two drivers never prepare the same one at a time.

    Parameters
    ----------
    names : iterable of str
        The data sets.
    downloads : Path or None
        The folder of downloads; None: what comes with the suite, else phantoms, which are generated in `work`.
    work : Path
        Folder of phantoms and prepared data sets.

    Returns
    -------
    dict of str to PreparedData
        Each data set by its name.

    Raises
    ------
    FileNotFoundError, ValueError
        As the preparers do, naming the file and the remedy.
    """
    folder = work / "prepared" / "phantoms"
    if downloads is not None:
        digest = hashlib.sha256(str(downloads.resolve()).encode()).hexdigest()[:8]
        folder = folder.with_name(f"{downloads.resolve().name}-{digest}")
    prepared = {}
    for name in tqdm(list(names), desc="data sets", unit="set", leave=False):
        with alone(folder / f".{name}", f"the preparation of {name}"):
            source = downloads
            if datasets.source_of(name, downloads) is None and downloads is None:
                source = work / "phantoms"
                if not (source / datasets.get(name).folder / "PHANTOM").is_file():
                    phantoms.generate(name, source)
            data = datasets.prepare(name, source, folder)
        meta = read_meta(data)
        check_lists(data, meta)
        prepared[name] = PreparedData(
            data,
            meta["fingerprint"],
            complete=meta["complete"],
            phantom=meta["phantom"],
            features=work / "features",
        )
    return prepared


def backbones_folder(work: Path) -> Path:
    """Return the folder of the backbones that profiles pretrain."""
    return work / "backbones"


def missing_backbones(profile: str, backbones: Iterable[str], work: Path) -> list[str]:
    """Return those of `backbones` that the profile pretrains and that are not in `work` yet."""
    pretrained = profiles.get(profile).pretrained
    return [
        name
        for name in dict.fromkeys(backbones)
        if name in pretrained and not (backbones_folder(work) / f"{name}.safetensors").is_file()
    ]


def pretrain_backbones(
    profile: str, backbones: Iterable[str], work: Path, gpus: Sequence[str | None]
) -> list[str]:
    """Pretrain and export the missing backbones, on the training images of the profile's tasks.

    Parameters
    ----------
    profile, backbones, work : str, iterable of str, Path
        As of `missing_backbones`.
    gpus : sequence of str or None
        For each pretraining that goes on at the same time its GPU, as `scheduler.devices.slots` returns them.

    Returns
    -------
    list of str
        The backbones that were made.

    Raises
    ------
    RuntimeError
        If a step failed, saying why.
    """
    if not missing_backbones(profile, backbones, work):
        return []
    chosen = profiles.get(profile)
    corpus_folder = work / CORPORA / profile
    with alone(work / ".pretraining", "pretraining"):
        missing = missing_backbones(profile, backbones, work)  # another driver may have made them
        if missing:
            tasks = chosen.tasks or registry.paper_names()
            names = dict.fromkeys(registry.get(task).task.dataset for task in tasks)
            folders = [data.folder for data in prepare(names, None, work).values()]
            in_own_process(f"the corpus {corpus_folder}", _build_corpus, folders, corpus_folder)
        free: Queue[str | None] = Queue()
        for gpu in gpus:
            free.put(gpu)

        def make(name: str) -> None:
            gpu = free.get()
            arguments = (name, chosen.pretrained[name], corpus_folder, work, chosen.threads, gpu)
            in_own_process(f"pretraining {name}", _pretrain_backbone, *arguments)
            free.put(gpu)

        with ThreadPoolExecutor(len(gpus)) as pool:
            list(pool.map(make, missing))
    return missing


def copy_audits(work: Path, results: Path) -> None:
    """Copy the audits of the corpora that profiles' backbones were pretrained on into a folder of results.

    Raises
    ------
    DiskFull, OSError
        If one cannot be written.
    """
    found, problems = read_audits(work / CORPORA)
    for audit in found:
        write_audit(results, audit)
    for problem in problems:
        say(problem)


def _build_corpus(prepared: Sequence[Path], folder: Path) -> None:
    """Build a corpus of the training images of data sets, without images that a test split has too.

    What is in it of the test splits, nothing, is noted beside it for `copy_audits`.
    """
    images = folder.with_name(f"{folder.name}-images")
    with replacing_folder(images) as scratch:
        for data in prepared:
            for name in images_of_split(data, "train"):
                copy = scratch / data.name / Path(name).relative_to("images")
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(data / name, copy)
    corpus.build([images / data.name for data in prepared], folder)
    corpus.audit(folder, prepared, remove=True, results=folder.parent)


def _pretrain_backbone(
    name: str,
    pretraining: profiles.Pretraining,
    corpus_folder: Path,
    work: Path,
    threads: int,
    gpu: str | None,
) -> None:
    """Pretrain a backbone on the corpus, from where it was stopped, and export it."""
    if gpu is not None:
        os.environ[VISIBLE] = gpu
    torch.set_num_threads(threads)
    add_catalogue_folder(backbones_folder(work))
    run = work / "pretraining" / name
    pretrain.run(pretraining.config, corpus_folder, run, resume=True, epochs=pretraining.epochs)
    pretrain.export(run, name, backbones_folder(work))
