"""`python -m benchmarks.studies.evidence`: the study behind docs/evidence.md.

`sets` reduces the images that backbones are judged on, `search` looks for the best setting of each method, `final`
pretrains it with new seeds, `report` makes the tables and the figure.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.studies.evidence.methods import ALL, EPOCHS, METHODS
from lvmmed_backbones.command.shell import behind, carry_out, show_paths
from lvmmed_backbones.display import say_error
from lvmmed_backbones.stopping import stop_quietly

HERE = "benchmarks.studies.evidence"


def parser() -> argparse.ArgumentParser:
    """Return the command line: behind each verb is a function, whose arguments are the verb's options."""
    top = argparse.ArgumentParser(prog="python -m benchmarks.studies.evidence", description=__doc__)
    verbs = top.add_subparsers(metavar="VERB", required=True)
    sets = verbs.add_parser("sets", help="reduce the images that backbones are judged on")
    _add_folder(sets, "data", "downloads: brain_tumor, busi, bccd and unlabelled")
    _add_folder(sets, "prepared", "isic2018, kvasir and hippocampus, prepared")
    _add_folder(sets, "out", "for the reduced images, and those that no corpus may have (judged/)")
    behind(sets, f"{HERE}:sets", show_paths)
    for name, text, rung, choices in (
        ("search", "look for the best setting of each method, by successive halving", "last rung", METHODS),
        ("final", "pretrain the best setting of each method with new seeds", "after which rung", ALL),
    ):  # fmt: skip
        verb = verbs.add_parser(
            name,
            help=text,
            description="What has a result is not done again. Started again, it goes on where it was.",
        )
        _add_folder(verb, "corpus", "a corpus without the judged images (`corpus audit --remove`)")
        _add_folder(verb, "sets", "of the verb sets")
        _add_folder(verb, "work", "for checkpoints, curves and logs")
        _add_folder(verb, "results", "for a small file of each run")
        verb.add_argument("--methods", nargs="+", choices=choices, default=tuple(METHODS), metavar="NAME",
                          help=_of_methods(choices))  # fmt: skip
        verb.add_argument("--jobs", type=int, metavar="N",
                          help="runs at a time, which share the cores (one per core)")  # fmt: skip
        verb.add_argument("--rung", type=int, default=len(EPOCHS), metavar="N",
                          help=f"{rung} of the search, from 1 ({len(EPOCHS)})")  # fmt: skip
        behind(verb, f"{HERE}:{name}", _show_number)
    report = verbs.add_parser("report", help="write tables.md and the figure")
    _add_folder(report, "results", "of `search` and `final`")
    _add_folder(report, "out", "for the files")
    behind(report, f"{HERE}:report", show_paths)
    return top


def _of_methods(choices: Iterable[str]) -> str:
    more = ", ".join(name for name in choices if name not in METHODS)
    return f"default: {', '.join(METHODS)}" + (f"; there are also {more}" if more else "")


def _add_folder(verb: argparse.ArgumentParser, name: str, text: str) -> None:
    verb.add_argument(f"--{name}", type=Path, required=True, metavar="DIR", help=text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    try:
        return carry_out(parser().parse_args(arguments))
    except (ValueError, OSError, RuntimeError) as error:
        say_error(error)
        return 2


def _show_number(results: Sequence[Path]) -> int:
    print(f"{len(results)} results")
    return 0


if __name__ == "__main__":
    stop_quietly("Start the same command again: it goes on.")
    sys.exit(main())
