"""What must lie on the disk before a grid runs: prepared data sets, and backbones that the profile pretrains."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from benchmarks import profiles
from benchmarks.grid import RunSpec
from benchmarks.scheduler.lease import alone
from benchmarks.scheduler.processes import in_own_process
from benchmarks.terminal import say
from lvmmed_backbones import corpus, pretrain
from lvmmed_backbones.catalogue import add_catalogue_folder
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
        Checksum of its content.
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
    """Return the runs whose data set is there, and name the others on stderr.

    Parameters
    ----------
    specs : sequence of RunSpec
        The grid.
    downloads : Path or None
        The folder of downloads; None: each data set that has a phantom is there.
    chosen : bool
        Whether the user named the tasks. Missing data is an error then; else the tasks without data are left out.

    Raises
    ------
    FileNotFoundError
        If no run has data, or one lacks data whose task the user named.
    """
    if downloads is None:
        available = phantoms.names()
        remedy = "A phantom is missing: name a folder of downloads by --data"
    else:
        available = datasets.available(downloads)
        remedy = "Download it into the folder in brackets; `python -m tasks list` tells where from"
    needed = {spec.task: registry.get(spec.task).task.dataset for spec in specs}
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
        The folder of downloads; None: phantoms, which are generated in `work`.
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
            if source is None:
                source = work / "phantoms"
                if not (source / datasets.get(name).folder / "PHANTOM").is_file():
                    phantoms.generate(name, source)
            data = datasets.prepare(name, source, folder)
        meta = read_meta(data)
        check_lists(data, meta)
        prepared[name] = PreparedData(
            data, meta["fingerprint"], complete=meta["complete"], phantom=meta["phantom"]
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


def pretrain_backbones(profile: str, backbones: Iterable[str], work: Path) -> list[str]:
    """Pretrain and export the missing backbones, on a corpus of all phantoms without their test images.

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
    with alone(work / ".pretraining", "pretraining"):
        missing = missing_backbones(profile, backbones, work)  # another driver may have made them
        if missing:
            prepared = prepare(phantoms.names(), None, work)
            tests = [prepared[name].folder for name in phantoms.names()]
            in_own_process(f"the corpus {work / 'corpus'}", _build_corpus, tests, work)
        for name in missing:
            pretraining = profiles.get(profile).pretrained[name]
            in_own_process(f"pretraining {name}", _pretrain_backbone, name, pretraining, work)
    return missing


def _build_corpus(tests: Iterable[Path], work: Path) -> None:
    """Build a corpus of every phantom, without the images of the test splits of prepared data sets."""
    folders = [(name, work / "phantoms" / datasets.get(name).folder) for name in phantoms.names()]
    corpus.build(folders, work / "corpus")
    corpus.audit(work / "corpus", tests, remove=True)


def _pretrain_backbone(name: str, pretraining: profiles.Pretraining, work: Path) -> None:
    """Pretrain a backbone on the corpus, from where it was stopped, and export it."""
    add_catalogue_folder(backbones_folder(work))
    run = work / "pretraining" / name
    pretrain.run(pretraining.config, work / "corpus", run, resume=True, epochs=pretraining.epochs)
    pretrain.export(run, name, backbones_folder(work))
