"""Backbones that a profile pretrains itself, on phantoms, before the grid runs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from benchmarks import data, profiles
from benchmarks.scheduler.lease import alone
from benchmarks.scheduler.processes import in_own_process
from lvmmed_backbones import corpus, pretrain
from lvmmed_backbones.catalogue import add_catalogue_folder
from tasks import datasets, phantoms

FOLDER = "backbones"


def provide(profile: str, backbones: Iterable[str], work: Path) -> list[str]:
    """Pretrain and export those of `backbones` that the profile pretrains and that are not in `work` yet.

    The corpus is made of all phantoms, without the images of their test splits.

    Returns
    -------
    list of str
        The names that were made.

    Raises
    ------
    RuntimeError
        If a step failed, saying why.
    """
    if not to_make(profile, backbones, work):
        return []
    with alone(work / ".pretraining", "pretraining"):
        missing = to_make(profile, backbones, work)  # another driver may have made them meanwhile
        if missing:
            prepared = data.prepare(phantoms.names(), None, work)
            tests = [prepared[name].folder for name in phantoms.names()]
            in_own_process(f"the corpus {work / 'corpus'}", make_corpus, tests, work)
        for name in missing:
            chosen = profiles.get(profile).pretrained[name]
            in_own_process(f"pretraining {name}", make_backbone, name, chosen, work)
    return missing


def to_make(profile: str, backbones: Iterable[str], work: Path) -> list[str]:
    """Those of `backbones` that the profile pretrains and that are not in `work` yet."""
    pretrained = profiles.get(profile).pretrained
    return [
        name
        for name in dict.fromkeys(backbones)
        if name in pretrained and not (work / FOLDER / f"{name}.safetensors").is_file()
    ]


def make_corpus(tests: Iterable[Path], work: Path) -> None:
    """Build a corpus of every phantom, without what the test splits of prepared data sets have."""
    folders = [(name, work / "phantoms" / datasets.get(name).folder) for name in phantoms.names()]
    corpus.build(folders, work / "corpus")
    corpus.audit(work / "corpus", tests, remove=True)


def make_backbone(name: str, chosen: profiles.Pretraining, work: Path) -> None:
    """Pretrain a backbone on the corpus, from where it was stopped, and export it."""
    add_catalogue_folder(work / FOLDER)
    run = work / "pretraining" / name
    pretrain.run(chosen.config, work / "corpus", run, resume=True, epochs=chosen.epochs)
    pretrain.export(run, name, work / FOLDER)
