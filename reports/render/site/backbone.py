"""Where a backbone and its figures come from."""

from __future__ import annotations

from collections.abc import Sequence

from reports.records import Record
from reports.wording import machine, plural, revision


def facts(runs: Sequence[Record]) -> list[tuple[str, list[str]]]:
    """The provenance of a backbone: names of facts and, of each, every value that its runs state.

    Args:
        runs: all of the backbone, at least one.
    """
    return [
        ("Architecture", values(runs, lambda r: f"{r.architecture}, {r.parameters / 1e6:.1f} M parameters")),
        ("Method", values(runs, lambda r: r.method)),
        ("Pretraining data", values(runs, lambda r: r.corpus)),
        ("Weights", values(sorted(runs, key=lambda r: r.pretraining_seed or 0), weights)),
        ("Runs", [f"{len(runs)}, of {plural(len({r.task for r in runs}), 'task')}"]),
        ("Started", [f"{min(r.started for r in runs)} to {max(r.started for r in runs)}"]),
        ("Machines", values(runs, machine)),
        ("Versions", values(runs, lambda r: ", ".join(f"{n} {v}" for n, v in r.versions.items()))),
        ("Code", values(runs, lambda r: revision(r.git_revision))),
    ]  # fmt: skip


def weights(run: Record) -> str:
    """Which weights a run began with."""
    if run.weights_sha256 is None:
        return "none: random"
    seed = "" if run.pretraining_seed is None else f"pretraining seed {run.pretraining_seed}: "
    return f"{seed}sha256:{run.weights_sha256}"


def values(runs: Sequence[Record], words) -> list[str]:
    """Each value once, in order of first appearance."""
    return list(dict.fromkeys(words(run) for run in runs))
