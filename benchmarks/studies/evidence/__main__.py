"""`python -m benchmarks.studies.evidence`: the study behind docs/evidence.md.

`pretrain` trains and probes the variants, `changes` measures what the second order does to the matching, `gradients`
the noise of the estimate, `report` makes tables and the figure.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.studies.evidence.variants import VARIANTS
from lvmmed_backbones.command.shell import behind, carry_out, show_paths
from lvmmed_backbones.display import say_error
from lvmmed_backbones.stopping import stop_quietly

HERE = "benchmarks.studies.evidence"


def parser() -> argparse.ArgumentParser:
    """Return the command line: behind each verb is a function, whose arguments are the verb's options."""
    top = argparse.ArgumentParser(prog="python -m benchmarks.studies.evidence", description=__doc__)
    verbs = top.add_subparsers(metavar="VERB", required=True)
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
    pretrain.add_argument("--copies", type=Path, metavar="CSV", help="report of the audit: training with labels leaves "
                          "out the images of the training folder that the test split has too")  # fmt: skip
    pretrain.add_argument(
        "--work",
        type=Path,
        required=True,
        metavar="DIR",
        help="for checkpoints, curves and results",
    )
    pretrain.add_argument("--variants", nargs="+", choices=VARIANTS, default=tuple(VARIANTS), metavar="NAME",
                          help="default: all: " + "; ".join(VARIANTS))  # fmt: skip
    pretrain.add_argument("--seeds", nargs="+", type=int, default=(0,), metavar="N")
    pretrain.add_argument("--epochs", type=int, default=1, metavar="N")
    pretrain.add_argument("--jobs", type=int, metavar="N",
                          help="variants at a time, which share the cores (one per core)")  # fmt: skip
    behind(pretrain, f"{HERE}:pretrain", _show_none)
    for name, text in (
        ("changes", "measure what the second order and lambda change in the matching, as CSV"),
        ("gradients", "measure how far two draws of the noise agree on the gradient, as CSV"),
    ):
        verb = verbs.add_parser(name, help=text)
        verb.add_argument("--corpus", type=Path, required=True, metavar="DIR")
        verb.add_argument(
            "runs", type=Path, nargs="+", metavar="RUN", help="folders of `pretrain`, of LVM-Med"
        )
        behind(verb, f"{HERE}:{name}", _show_rows)
    report = verbs.add_parser("report", help="write results.csv, tables.md and the figure")
    report.add_argument("work", type=Path, metavar="WORK")
    report.add_argument("--out", type=Path, required=True, metavar="DIR")
    behind(report, f"{HERE}:report", show_paths)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    try:
        return carry_out(parser().parse_args(arguments))
    except (ValueError, OSError, RuntimeError) as error:
        say_error(error)
        return 2


def _show_none(folders: Sequence[Path]) -> int:
    return 0


def _show_rows(rows: Sequence[dict[str, Any]]) -> int:
    writer = csv.DictWriter(sys.stdout, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return 0


if __name__ == "__main__":
    stop_quietly("Start the same command again: it goes on.")
    sys.exit(main())
