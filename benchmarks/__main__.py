"""`python -m benchmarks`: plan and run a grid of task x backbone x seed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import grid, profiles
from lvmmed_backbones.display import say_error
from lvmmed_backbones.stopping import stop_quietly


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    verbs = top.add_subparsers(dest="verb", required=True)
    run = verbs.add_parser(
        "run",
        help="carry out every run of a grid that has no record yet",
        description="Carry out every run of a grid that has no record yet: one record per run, in RESULTS/runs.",
    )
    plan = verbs.add_parser(
        "plan", help="show the grid and what of it is done", description="Show the grid."
    )
    for verb in (run, plan):
        verb.add_argument(
            "--profile",
            default="mini",
            choices=profiles.names(),
            help="size of the experiment (mini)",
        )
        verb.add_argument(
            "--data",
            type=Path,
            metavar="DIR",
            help="folder of downloads; without it every data set is a phantom",
        )
        verb.add_argument(
            "--tasks", nargs="+", metavar="TASK", help="default: all whose data is there"
        )
        verb.add_argument("--backbones", nargs="+", metavar="NAME", help="default: the profile's")
        verb.add_argument(
            "--seeds", nargs="+", type=int, metavar="N", help="default: the profile's"
        )
        verb.add_argument(
            "--label-fractions",
            nargs="+",
            type=float,
            default=[1.0],
            metavar="F",
            help="shares of the training images, such as 0.05 1.0 (1.0)",
        )
        verb.add_argument(
            "--split",
            choices=("published", "clean"),
            default="published",
            help="clean: where the published valid split is the test split (FGADR), carve one from train",
        )
        verb.add_argument(
            "--results", type=Path, default=Path("results"), metavar="DIR", help="(results)"
        )
        verb.add_argument(
            "--work",
            type=Path,
            default=Path("work"),
            metavar="DIR",
            help="phantoms and prepared data sets (work)",
        )
        verb.add_argument(
            "--jobs",
            type=int,
            metavar="N",
            help="runs at a time (one per GPU that is visible; without GPUs, what the cores can bear)",
        )
        verb.add_argument(
            "--keep-checkpoints",
            action="store_true",
            help="of finished runs, all of them, not only the best on the valid split",
        )
    status = verbs.add_parser(
        "status",
        help="show what a folder of results holds: runs done, going on, failed, interrupted",
        description="Show what a folder of results holds; nothing is composed or prepared.",
    )
    status.add_argument(
        "--results", type=Path, default=Path("results"), metavar="DIR", help="(results)"
    )
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code, 0 only if every planned run has a record."""
    options = parser().parse_args(arguments)
    try:
        if options.verb == "status":
            from benchmarks import status

            return status.main(options.results)
        profile = profiles.get(options.profile)
        if options.data is not None and not options.data.is_dir():
            raise FileNotFoundError(
                f"--data {options.data}: no such folder. Name the folder that holds the downloads."
            )
        tasks = options.tasks or grid.task_names()
        cells = grid.plan(
            tasks,
            options.backbones or profile.backbones,
            options.profile,
            options.seeds or profile.seeds,
            options.label_fractions,
            options.split,
        )
        from benchmarks import (
            job,
        )  # imports torch and OpenMMLab: --help and wrong words answer before that

        return job.main(cells, options, chosen=bool(options.tasks))
    except (ValueError, OSError, RuntimeError) as error:
        say_error(error)
        return 2


if __name__ == "__main__":
    stop_quietly("Start the same command again: it does what is left.")
    sys.exit(main())
