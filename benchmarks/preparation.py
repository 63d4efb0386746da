"""What must lie on the disk before a study runs: prepared data sets, and backbones that it pretrains."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
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
from benchmarks.study import Study, backbones_folder, missing_backbones
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
    ValueError
        If there is no such data set.
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
    folders = {name: datasets.get(name).folder for name in needed.values()}
    missing = {task: name for task, name in needed.items() if name not in available}
    text = ", ".join(
        f"{task} ({downloads / folders[name] if downloads else name})"
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


@dataclass(frozen=True)
class Wanted:
    """The backbones that a study pretrains, and on what.

    Attributes
    ----------
    backbones : mapping of str to Pretraining
        By name.
    corpus : str or Path
        Folder or URL of the corpus.
    tasks : sequence of str
        Tasks whose training images the corpus is made of; none: it is there.
    downloads : Path or None
        As of `prepare`.
    work : Path
        Folder of corpora, pretraining runs and backbones.
    threads : int
        Threads of a pretraining on CPUs.
    """

    backbones: Mapping[str, profiles.Pretraining]
    corpus: str | Path
    tasks: Sequence[str]
    downloads: Path | None
    work: Path
    threads: int

    @classmethod
    def of(
        cls, study: Study, specs: Sequence[RunSpec], downloads: Path | None, work: Path
    ) -> Wanted:
        """Return what some runs of a study need.

        A profile's own backbones are pretrained on the images of the profile's tasks, whichever of them are run.
        """
        profile = profiles.get(study.grids[0].profile)
        names = dict.fromkeys(spec.backbone for spec in specs)
        all_of_study = study.pretrainings()
        backbones = {name: all_of_study[name] for name in names if name in all_of_study}
        if study.pretrained:
            tasks, key = list(dict.fromkeys(spec.task for spec in specs)), study.name
        else:
            tasks, key = list(profile.tasks) or registry.paper_names(), profile.name
        if study.corpus is not None:
            return cls(backbones, study.corpus, (), downloads, work, profile.threads)
        return cls(backbones, work / CORPORA / key, tasks, downloads, work, profile.threads)

    def missing(self) -> list[tuple[str, int | None]]:
        """Return what is not in `work` yet, as `missing_backbones`."""
        return missing_backbones(self.backbones, self.work)


def add_backbones(work: Path) -> None:
    """Let the catalogue know what studies pretrain in a folder."""
    add_catalogue_folder(backbones_folder(work))


def pretrain_backbones(wanted: Wanted, gpus: Sequence[str | None]) -> None:
    """Pretrain and export the missing backbones.

    Parameters
    ----------
    wanted : Wanted
        The backbones.
    gpus : sequence of str or None
        For each pretraining that goes on at the same time its GPU, as `scheduler.devices.slots` returns them.

    Raises
    ------
    RuntimeError
        If a step failed, saying why.
    """
    if not wanted.missing():
        return
    work = wanted.work
    with alone(work / ".pretraining", "pretraining"):
        missing = wanted.missing()  # another driver may have made them
        if missing and wanted.tasks:
            names = dict.fromkeys(registry.get(task).task.dataset for task in wanted.tasks)
            prepared = prepare(names, wanted.downloads, work)
            folders = [data.folder for data in prepared.values()]
            in_own_process(f"the corpus {wanted.corpus}", _build_corpus, folders, wanted.corpus)
        free: Queue[str | None] = Queue()
        for gpu in gpus:
            free.put(gpu)

        def make(name: str, seed: int | None) -> None:
            gpu = free.get()
            of_seed = "" if seed is None else f" with seed {seed}"
            arguments = (name, seed, wanted.backbones[name], wanted.corpus, work, wanted.threads)
            in_own_process(f"pretraining {name}{of_seed}", _pretrain_backbone, *arguments, gpu)
            free.put(gpu)

        with ThreadPoolExecutor(len(gpus)) as pool:
            list(pool.map(make, *zip(*missing, strict=True)))


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
    seed: int | None,
    pretraining: profiles.Pretraining,
    corpus_folder: str | Path,
    work: Path,
    threads: int,
    gpu: str | None,
) -> None:
    """Pretrain a backbone on the corpus, from where it was stopped, and export it."""
    if gpu is not None:
        os.environ[VISIBLE] = gpu
    torch.set_num_threads(threads)
    add_backbones(work)
    run = work / "pretraining" / (name if seed is None else f"{name}-{seed}")
    pretrain.run(
        pretraining.config,
        corpus_folder,
        run,
        resume=True,
        epochs=pretraining.epochs,
        seed=seed,
        overrides=pretraining.overrides,
    )
    pretrain.export(run, name, backbones_folder(work), by_seed=seed is not None)
