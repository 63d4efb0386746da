"""`python -m benchmarks.studies.cost`: what the paper's protocols and its pretraining cost.

`run` measures protocols, and makes one table of all (docs/reproduction.md); `pretraining` measures steps of pretraining
(docs/evidence.md).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from lvmmed_backbones.command.shell import behind, carry_out, show_paths
from lvmmed_backbones.display import say_error
from lvmmed_backbones.stopping import stop_quietly


def parser() -> argparse.ArgumentParser:
    """Return the command line: behind each verb is a function, whose arguments are the verb's options."""
    top = argparse.ArgumentParser(prog="python -m benchmarks.studies.cost", description=__doc__)
    verbs = top.add_subparsers(metavar="VERB", required=True)
    run = verbs.add_parser(
        "run",
        help="measure what has no result yet, and make one table of all",
        description="Started again, it goes on where it was.",
    )
    run.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="for results, phantoms and the table"
    )
    run.add_argument("--tasks", nargs="+", metavar="NAME", help="default: the paper's, and prompts")
    behind(run, "benchmarks.studies.cost:run", show_paths)
    steps = verbs.add_parser(
        "pretraining",
        help="measure steps of pretrainings on one GPU, or on CPUs where there is none",
    )
    steps.add_argument(
        "--corpus", type=Path, required=True, metavar="DIR", help="with images of the paper's size"
    )
    steps.add_argument("--out", type=Path, required=True, metavar="DIR", help="for pretraining.csv")
    steps.add_argument(
        "--configs",
        nargs="+",
        metavar="NAME",
        help="default: SimCLR, and LVM-Med by the paper and by the release, with ResNet-50",
    )
    steps.add_argument("--steps", type=int, default=30, metavar="N", help="that are counted (30)")
    behind(steps, "benchmarks.studies.cost:pretraining", show_paths)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    try:
        return carry_out(parser().parse_args(arguments))
    except (ValueError, OSError) as error:
        say_error(error)
        return 2


if __name__ == "__main__":
    stop_quietly("Start the same command again: it goes on.")
    sys.exit(main())
