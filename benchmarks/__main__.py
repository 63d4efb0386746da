"""`python -m benchmarks`: plan and run a grid of task x backbone x seed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import profiles, terminal
from benchmarks.commands import DEFAULT_PROFILE
from lvmmed_backbones.command.shell import behind, carry_out
from lvmmed_backbones.display import say_error
from lvmmed_backbones.records import RECIPES, SUITE
from lvmmed_backbones.stopping import stop_quietly

if TYPE_CHECKING:
    from benchmarks.driver import Plan
    from benchmarks.results import Status
    from benchmarks.scheduler.local import Ending


def parser() -> argparse.ArgumentParser:
    """Return the command line: behind each verb is a function, whose arguments are the verb's options."""
    grid = argparse.ArgumentParser(add_help=False)
    grid.add_argument(
        "--profile",
        default=DEFAULT_PROFILE,
        metavar="NAME",
        help=f"size of the experiment, such as {', '.join(sorted(profiles.shipped()))} ({DEFAULT_PROFILE})",
    )
    grid.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="folder of downloads; without it the data sets that ship with the suite are real, all others phantoms",
    )
    grid.add_argument(
        "--tasks",
        nargs="+",
        metavar="TASK",
        help="default: the profile's, or all of the paper's, whose data is there",
    )
    grid.add_argument("--backbones", nargs="+", metavar="NAME", help="default: the profile's")
    grid.add_argument("--seeds", nargs="+", type=int, metavar="N", help="default: the profile's")
    grid.add_argument(
        "--label-fractions",
        nargs="+",
        type=float,
        default=(1.0,),
        metavar="F",
        help="shares of the training images, such as 0.05 1.0 (1.0)",
    )
    grid.add_argument(
        "--split",
        choices=("published", "clean"),
        default="published",
        help="clean: where the published valid split is the test split (FGADR), carve a valid split from train",
    )
    grid.add_argument(
        "--recipe",
        choices=RECIPES,
        default=SUITE,
        help="suite: the suite's protocols (default); release: as LVM-Med's authors released them",
    )
    results = argparse.ArgumentParser(add_help=False)
    results.add_argument(
        "--results",
        type=Path,
        default=Path("results"),
        metavar="DIR",
        help="folder of the records (results)",
    )
    grid.add_argument(
        "--work",
        type=Path,
        default=Path("work"),
        metavar="DIR",
        help="phantoms and prepared data sets (work)",
    )
    grid.add_argument(
        "--jobs",
        type=int,
        metavar="N",
        help="runs at a time (one per visible GPU; without GPUs, as many as the cores can bear)",
    )
    grid.add_argument(
        "--keep-checkpoints",
        action="store_true",
        help="keep all checkpoints of finished runs, not only the best on the valid split",
    )
    top = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    verbs = top.add_subparsers(metavar="VERB", required=True)
    run = verbs.add_parser(
        "run",
        parents=[grid, results],
        help="carry out every run of a grid that has no record yet",
        description="Carry out every run of a grid that has no record yet: one record per run, in RESULTS/runs.",
    )
    run.add_argument(
        "--smoke",
        action="store_true",
        help="then run one backbone through the paper's tasks on phantoms, into RESULTS-smoke: "
        "it shows that every task runs on this machine, and ranks nothing",
    )
    behind(run, "benchmarks:run", _show_endings)
    plan = verbs.add_parser(
        "plan",
        parents=[grid, results],
        help="show the grid and what of it is done",
        description="Show the grid.",
    )
    behind(plan, "benchmarks:plan", _show_plan)
    status = verbs.add_parser(
        "status",
        parents=[results],
        help="show which runs of a folder of results are done, going on, failed, interrupted",
        description="Show the runs of a folder of results; nothing is configured or prepared.",
    )
    behind(status, "benchmarks:status", _show_status)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code, 0 only if every planned run has a record."""
    try:
        return carry_out(parser().parse_args(arguments))
    except (ValueError, OSError, RuntimeError) as error:
        say_error(error)
        return 2


def _show_endings(endings: Sequence[Ending]) -> int:
    carried_out = [ending for ending in endings if not ending.before]
    failed = [ending for ending in carried_out if ending.failure]
    elsewhere = sum(ending.elsewhere and not ending.failure for ending in carried_out)
    others = f", {elsewhere} of them by another driver" if elsewhere else ""
    if carried_out:
        terminal.say(
            f"{len(carried_out) - len(failed)} runs done{others}, "
            f"{len(endings) - len(carried_out)} were done before, {len(failed)} failed"
        )
    for ending in failed:
        terminal.say(f"FAILED {ending.run.folder}: {ending.failure}")
    return 1 if failed else 0


def _show_plan(plan: Plan) -> int:
    terminal.show_plan(plan)
    return 0


def _show_status(status: Status) -> int:
    terminal.show_status(status)
    return 0


if __name__ == "__main__":
    stop_quietly("Start the same command again: it does what is left.")
    sys.exit(main())
