"""Where a backbone and its figures come from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from lvmmed_backbones.records import StoredRecord
from reports.wording import describe_machine, describe_revision, plural

T = TypeVar("T")


def backbone_facts(runs: Sequence[StoredRecord]) -> list[tuple[str, list[str]]]:
    """The provenance of a backbone: names of facts and, of each, every value that its runs state.

    Parameters
    ----------
    runs : sequence of StoredRecord
        All of the backbone, at least one.
    """
    backbones = [run.backbone for run in runs]
    started = [run.provenance.started for run in runs]
    return [
        ("Architecture", distinct_texts(backbones, lambda b: f"{b.architecture}, {b.parameters / 1e6:.1f} M parameters")),
        ("Method", distinct_texts(backbones, lambda b: b.method)),
        ("Pretraining data", distinct_texts(backbones, lambda b: b.corpus)),
        ("Weights", distinct_texts(sorted(runs, key=lambda r: r.backbone.pretraining_seed or 0), describe_weights)),
        ("Runs", [f"{len(runs)}, of {plural(len({r.task for r in runs}), 'task')}"]),
        ("Started", [f"{min(started)} to {max(started)}"]),
        ("Machines", distinct_texts(runs, describe_machine)),
        ("Versions", distinct_texts(runs, lambda r: ", ".join(f"{n} {v}" for n, v in r.provenance.versions.items()))),
        ("Code", distinct_texts(runs, lambda r: describe_revision(r.provenance.git_revision))),
    ]  # fmt: skip


def describe_weights(run: StoredRecord) -> str:
    """Which weights a run began with."""
    if run.backbone.weights_sha256 is None:
        return "none: random"
    seed = (
        ""
        if run.backbone.pretraining_seed is None
        else f"pretraining seed {run.backbone.pretraining_seed}: "
    )
    return f"{seed}sha256:{run.backbone.weights_sha256}"


def distinct_texts(several: Sequence[T], words: Callable[[T], str]) -> list[str]:
    """Each value once, in order of first appearance."""
    return list(dict.fromkeys(words(one) for one in several))
