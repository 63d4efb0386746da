"""`python -m benchmarks`: plan and run studies, grids of task x backbone x seed."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import profiles, terminal
from benchmarks.study import DEFAULT_PROFILE, shipped
from lvmmed_backbones.command.shell import behind, carry_out
from lvmmed_backbones.display import say_error
from lvmmed_backbones.records import RECIPES
from lvmmed_backbones.stopping import stop_quietly

if TYPE_CHECKING:
    from benchmarks.driver import Plan
    from benchmarks.planning import Outlook
    from benchmarks.results import Status
    from benchmarks.scheduler.local import Ending
    from benchmarks.showing import Shown
    from benchmarks.verifying import Verified


def parser() -> argparse.ArgumentParser:
    """Return the command line: behind each verb is a function, whose arguments are the verb's options."""
    top = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    verbs = top.add_subparsers(metavar="VERB", required=True)
    run = verbs.add_parser(
        "run",
        parents=[_study(), _results(), _work(), _jobs()],
        help="carry out every run of a study that has no record yet",
        description="Carry out every run of a study that has no record yet: one record per run, in RESULTS/runs.",
    )
    run.add_argument(
        "--slurm",
        nargs="*",
        metavar="OPTION",
        help="on Slurm, as job arrays, with these options of sbatch, such as partition=gpu gres=gpu:1 time=4:00:00",
    )
    run.add_argument("--ray", metavar="ADDRESS", help="on the Ray cluster of this address, or auto")
    run.add_argument(
        "--keep-checkpoints",
        action="store_true",
        help="keep all checkpoints of finished runs, not only the best on the valid split",
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
        parents=[_study(), _results(), _work()],
        help="show the runs of a study, which are done, and what the others will take",
        description="Show the runs of a study, which are done, and what the others will take. Nothing is fetched or "
        "prepared: `check` looks closer.",
    )
    behind(plan, "benchmarks:plan", _show_outlook)
    check = verbs.add_parser(
        "check",
        parents=[_study(), _results(), _work(), _jobs()],
        help="fetch weights, prepare data and compose every run of a study, but run nothing",
        description="Do what `run` does before the first run: fetch weights, prepare data, compose every run, see "
        "which are done.",
    )
    behind(check, "benchmarks:check", _show_check)
    status = verbs.add_parser(
        "status",
        parents=[_results()],
        help="show which runs of a folder of results are done, going on, failed, interrupted",
        description="Show the runs of a folder of results; nothing is configured or prepared.",
    )
    behind(status, "benchmarks:status", _show_status)
    resume = verbs.add_parser(
        "resume",
        parents=[_results()],
        help="go on with all that `run` began in a folder of results",
        description="Go on with all that `run` began in a folder of results, with the same options.",
    )
    behind(resume, "benchmarks:resume", _show_endings)
    show = verbs.add_parser(
        "show",
        parents=[_results()],
        help="show all that a folder of results tells of one run",
        description="Show all that a folder of results tells of one run.",
    )
    show.add_argument("run", metavar="RUN", help="the first letters of its identity, or its folder")
    behind(show, "benchmarks:show", _show_run)
    verify = verbs.add_parser(
        "verify",
        parents=[_work()],
        help="measure a record again, and say whether its figure is reproduced",
        description="Compose the run of a record from this suite's files, compare what identifies it, carry it out, "
        "and say whether its figure is reproduced. Nothing of the record is executed.",
    )
    verify.add_argument("record", type=Path, metavar="RECORD", help="a record.json, or its folder")
    verify.add_argument("--data", type=Path, metavar="DIR", help="folder of downloads")
    verify.add_argument(
        "--within",
        type=float,
        default=1.0,
        metavar="POINTS",
        help="by how many points the headline metric may differ (1)",
    )
    behind(verify, "benchmarks:verify", _show_verified)
    job = verbs.add_parser(
        "job",
        help="carry out one of the runs that `run --slurm` planned: its jobs call it",
        description="Carry out one of the runs that `run --slurm` planned. Slurm's jobs call it; it may be called by "
        "hand.",
    )
    job.add_argument("jobs", type=Path, metavar="FILE", help="the runs, RESULTS/slurm/ID/jobs.json")
    job.add_argument("number", type=int, metavar="NUMBER", help="which of them, from 0")
    behind(job, "benchmarks:job", _show_ending)
    return top


def _study() -> argparse.ArgumentParser:
    """Return the options that say which runs there are."""
    study = argparse.ArgumentParser(add_help=False)
    study.add_argument(
        "study",
        nargs="?",
        metavar="STUDY",
        help=f"a study's file, or one of {', '.join(shipped())}; without it the grid that the options describe. "
        "They replace what a study says",
    )
    add = study.add_argument
    named = ", ".join(sorted(profiles.shipped()))
    add(
        "--profile",
        metavar="NAME",
        help=f"size of the experiment, such as {named} ({DEFAULT_PROFILE})",
    )
    add(
        "--data",
        type=Path,
        metavar="DIR",
        help="folder of downloads; without it the data sets that ship with the suite are real, all others phantoms",
    )
    add(
        "--tasks",
        nargs="+",
        metavar="TASK",
        help="default: the profile's, or all of the paper's, whose data is there",
    )
    add("--protocols", nargs="+", metavar="NAME", help="only tasks of these, such as linear prompt")
    add("--backbones", nargs="+", metavar="NAME", help="default: the profile's")
    add("--seeds", nargs="+", type=int, metavar="N", help="default: the profile's")
    add(
        "--label-fractions",
        nargs="+",
        type=float,
        metavar="F",
        help="shares of the training images, such as 0.05 1.0 (1.0)",
    )
    add(
        "--split",
        choices=("published", "clean"),
        help="clean: where the published valid split is the test split (FGADR), carve a valid split from train",
    )
    add(
        "--recipe",
        choices=RECIPES,
        help="suite: the suite's protocols (default); release: as LVM-Med's authors released them",
    )
    add(
        "--override",
        dest="overrides",
        nargs="+",
        action=_Overrides,
        metavar="PLACE=NUMBER",
        help="change numbers of the tasks' configs, such as optim_wrapper.optimizer.lr=0.001",
    )
    return study


class _Overrides(argparse.Action):
    """Makes a dict of PLACE=NUMBER."""

    def __call__(self, parser, namespace, values, option_string=None) -> None:
        found = {}
        for text in values:
            place, _, value = text.partition("=")
            try:
                found[place] = json.loads(value)
            except ValueError:
                parser.error(f"{option_string} {text}: write PLACE=NUMBER")
        setattr(namespace, self.dest, found)


def _results() -> argparse.ArgumentParser:
    results = argparse.ArgumentParser(add_help=False)
    results.add_argument(
        "--results",
        type=Path,
        default=Path("results"),
        metavar="DIR",
        help="folder of the records (results)",
    )
    return results


def _jobs() -> argparse.ArgumentParser:
    jobs = argparse.ArgumentParser(add_help=False)
    jobs.add_argument(
        "--jobs",
        type=int,
        metavar="N",
        help="runs at a time (one per visible GPU; without GPUs, as many as the cores can bear)",
    )
    return jobs


def _work() -> argparse.ArgumentParser:
    work = argparse.ArgumentParser(add_help=False)
    work.add_argument(
        "--work",
        type=Path,
        default=Path("work"),
        metavar="DIR",
        help="phantoms and prepared data sets (work)",
    )
    return work


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code, 0 only if every planned run has a record."""
    try:
        return carry_out(parser().parse_args(arguments))
    except (ValueError, OSError, RuntimeError, ModuleNotFoundError) as error:
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


def _show_ending(ending: Ending) -> int:
    """Say why a run failed; the driver reads the last line."""
    if ending.failure:
        terminal.say(ending.failure)
    return 1 if ending.failure else 0


def _show_outlook(outlook: Outlook) -> int:
    terminal.show_outlook(outlook)
    return 0


def _show_check(plan: Plan) -> int:
    terminal.show_check(plan)
    return 0


def _show_run(shown: Shown) -> int:
    terminal.show_run(shown)
    return 0


def _show_verified(verified: Verified) -> int:
    terminal.show_verified(verified)
    return 0 if verified.is_reproduced else 1


def _show_status(status: Status) -> int:
    terminal.show_status(status)
    return 0


if __name__ == "__main__":
    stop_quietly("Start the same command again: it does what is left.")
    sys.exit(main())
