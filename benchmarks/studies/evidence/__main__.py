"""`python -m benchmarks.studies.evidence`: the study behind docs/evidence.md.

`pretrain` trains and probes the variants, `changes` looks at what the second order does to the matching, `gradients` at
the noise of the estimate, `report` makes tables and the figure.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.studies.evidence.variants import VARIANTS
from lvmmed_backbones.display import say_error
from lvmmed_backbones.stopping import stop_quietly


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="python -m benchmarks.studies.evidence", description=__doc__)
    verbs = top.add_subparsers(dest="verb", required=True)
    pretrain = verbs.add_parser(
        "pretrain",
        help="pretrain, export and probe what has no result yet",
        description="Started again, it goes on where it was. "
        "An epoch over 19,000 images takes 100 seconds on one core of 2023.",
    )
    pretrain.add_argument(
        "--corpus", type=Path, required=True, metavar="DIR", help="an audited corpus"
    )
    pretrain.add_argument(
        "--prepared", type=Path, required=True, metavar="DIR", help="brain_tumor, prepared"
    )
    pretrain.add_argument("--copies", type=Path, metavar="CSV", help="report of the audit: images of the "
                          "training folder that the test split has too are not learnt from with labels")  # fmt: skip
    pretrain.add_argument(
        "--work", type=Path, required=True, metavar="DIR", help="of checkpoints, curves and results"
    )
    pretrain.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS), metavar="NAME",
                          help="default: all: " + "; ".join(VARIANTS))  # fmt: skip
    pretrain.add_argument("--seeds", nargs="+", type=int, default=[0], metavar="N")
    pretrain.add_argument("--epochs", type=int, default=1, metavar="N")
    pretrain.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N",
                          help="variants at a time, sharing the cores (one per core)")  # fmt: skip
    for name, text in (
        ("changes", "what the second order and lambda change in the matching, as CSV"),
        ("gradients", "how far two draws of the noise agree on the gradient, as CSV"),
    ):
        verb = verbs.add_parser(name, help=text)
        verb.add_argument("--corpus", type=Path, required=True, metavar="DIR")
        verb.add_argument(
            "runs", type=Path, nargs="+", metavar="RUN", help="folders of `pretrain`, of LVM-Med"
        )
    report = verbs.add_parser("report", help="results.csv, tables.md and the figure")
    report.add_argument("work", type=Path, metavar="WORK")
    report.add_argument("--out", type=Path, required=True, metavar="DIR")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; the exit code."""
    options = parser().parse_args(arguments)
    verb = dict(pretrain=pretrain, changes=measure, gradients=measure, report=report)[options.verb]
    try:
        verb(options)
    except (ValueError, OSError, RuntimeError) as error:
        say_error(error)
        return 2
    return 0


def pretrain(options: argparse.Namespace) -> None:
    """Carry out what is missing."""
    from benchmarks.studies.evidence.study import Job, carry_out_all  # imports OpenMMLab

    carry_out_all(
        [
            Job(
                variant=name,
                seed=seed,
                epochs=options.epochs,
                corpus=options.corpus,
                prepared=options.prepared,
                copies=options.copies,
                folder=options.work / f"{slug(name)}-{options.epochs}-{seed}",
                threads=max(1, (os.cpu_count() or 1) // options.jobs),
            )
            for seed in options.seeds
            for name in options.variants
        ],
        options.jobs,
    )


def slug(name: str) -> str:
    """A variant's name as one of a folder."""
    return name.replace(", ", "_").replace(" ", "_").replace("'", "")


def measure(options: argparse.Namespace) -> None:
    """Measure each run's newest checkpoint, by the module of the verb."""
    from benchmarks.studies.evidence import gradients, matching  # imports OpenMMLab

    module = dict(changes=matching, gradients=gradients)[options.verb]
    rows = [row for run in options.runs for row in module.measure(run, options.corpus)]
    writer = csv.DictWriter(sys.stdout, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def report(options: argparse.Namespace) -> None:
    """Write all of it."""
    from benchmarks.studies.evidence.report import write_all  # imports matplotlib

    for path in write_all(options.work, options.out):
        print(path)


if __name__ == "__main__":
    stop_quietly("Start the same command again: it goes on.")
    sys.exit(main())
