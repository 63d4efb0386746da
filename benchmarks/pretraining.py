"""Backbones that a profile pretrains itself, on phantoms, before the grid runs."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from benchmarks import data, profiles
from benchmarks.lease import alone
from lvmmed_backbones.stopping import die_with_parent, out_of_reach
from tasks import datasets, phantoms

FOLDER = "backbones"


def provide(profile: str, backbones: Iterable[str], work: Path) -> list[str]:
    """Pretrain and export those of `backbones` that the profile pretrains and that are not in `work` yet.

    The corpus is made of all phantoms, without the images of their test splits.

    Returns:
        The names that were made.

    Raises:
        RuntimeError: if a step failed; its messages are on stderr.
    """
    if not to_make(profile, backbones, work):
        return []
    with alone(work / ".pretraining", "pretraining"):
        missing = to_make(profile, backbones, work)  # another driver may have made them meanwhile
        if missing:
            corpus = phantom_corpus(work)
        for name in missing:
            chosen = profiles.get(profile).pretrained[name]
            run = work / "pretraining" / name
            call("pretrain", chosen.config, "--corpus", corpus, "--work-dir", run, "--resume",
                 "--epochs", str(chosen.epochs))  # fmt: skip
            call("export", run, name, "--out", work / FOLDER)
    return missing


def shelve(work: Path) -> None:
    """Tell the catalogue of what lies in `work`, in this process and in those that it starts."""
    shelf = str((work / FOLDER).resolve())
    known = os.environ.get("LVMMED_CATALOGUE")
    os.environ["LVMMED_CATALOGUE"] = f"{shelf}{os.pathsep}{known}" if known else shelf


def to_make(profile: str, backbones: Iterable[str], work: Path) -> list[str]:
    """Those of `backbones` that the profile pretrains and that are not in `work` yet."""
    pretrained = profiles.get(profile).pretrained
    return [
        name
        for name in dict.fromkeys(backbones)
        if name in pretrained and not (work / FOLDER / f"{name}.safetensors").is_file()
    ]


def phantom_corpus(work: Path) -> Path:
    """A corpus of every phantom, audited against every test split."""
    corpus = work / "corpus"
    prepared, _ = data.prepare(phantoms.names(), None, work)
    sources = [
        f"{name}={work / 'phantoms' / datasets.get(name).folder}" for name in phantoms.names()
    ]
    call("corpus", "build", *sources, "--out", corpus)
    call(
        "corpus",
        "audit",
        corpus,
        "--test",
        *(prepared / name for name in phantoms.names()),
        "--remove",
    )
    return corpus


def call(*arguments: str | Path) -> None:
    """`python -m lvmmed_backbones` in a process of its own, which ends with this one; its messages on stderr."""
    words = [str(argument) for argument in arguments]
    print("+ -m lvmmed_backbones " + " ".join(words), file=sys.stderr, flush=True)
    process = multiprocessing.get_context("spawn").Process(target=command, args=(words,))
    with out_of_reach():
        process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError(
            f"`python -m lvmmed_backbones {' '.join(words)}` failed with code {process.exitcode}"
        )


def command(words: list[str]) -> None:
    """In the process of `call`: the command itself."""
    die_with_parent()
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    from lvmmed_backbones.__main__ import main

    sys.exit(main(words))
