"""What every verb does alike: the folder of results, bad input, complaints."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tqdm import tqdm

from lvmmed_backbones.display import say_error
from lvmmed_backbones.outside import Refused
from lvmmed_backbones.records import StoredRecord, read
from reports.agreement import agreeing
from reports.selection import add_filters, selected

REPAIR = "no record is left to report, so nothing was written. Repair those above."


class NothingLeft(ValueError):
    """No record can be reported.

    Attributes:
        problems: a sentence for each reason.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


def add_results(parser: argparse.ArgumentParser, optional: bool = False) -> None:
    """Add RESULTS and the filters that `load` heeds; `optional`: RESULTS may be left out."""
    parser.add_argument(
        "results",
        type=Path,
        nargs="?" if optional else None,
        metavar="RESULTS",
        help="folder of runs; any record.json in it is read",
    )
    add_filters(parser)


def add_pretraining(parser: argparse.ArgumentParser) -> None:
    """Add the option that names pretraining runs."""
    parser.add_argument(
        "--pretraining",
        type=Path,
        nargs="+",
        default=[],
        metavar="RUN",
        help="work folders of pretraining runs, whose curves are shown too",
    )


def load(options: argparse.Namespace) -> tuple[list[StoredRecord], list[str]]:
    """The records of `options.results` that pass the filters and agree with each other.

    Returns:
        The records, at least one, and a sentence for each problem: files that are no sound records,
        records that contradict each other.

    Raises:
        FileNotFoundError: if there is no such folder, or no record in it.
        NothingLeft: if no record is sound, passes the filters and agrees with the others.
    """
    bar = partial(tqdm, desc="reading", unit=" records", disable=None, delay=1, leave=False)
    records, problems = read(options.results, bar)
    if records:
        try:
            records, contradictions = agreeing(selected(records, options))
        except ValueError as error:
            raise NothingLeft([*problems, str(error)]) from error
        problems += contradictions
    if not records:
        raise NothingLeft([*problems, f"{options.results}: {REPAIR}"])
    return records, problems


def destination(options: argparse.Namespace, *parts: str) -> Path:
    """Where a verb writes to: `options.out`, else a folder of the results, which may be somebody else's.

    Args:
        parts: of the folder's path: its name, then those of folders in it.

    Raises:
        Refused: if a link in the results leads elsewhere.
    """
    if options.out:
        return options.out.joinpath(*parts[1:])
    out = options.results.joinpath(*parts)
    if not Path(os.path.realpath(out)).is_relative_to(os.path.realpath(options.results)):
        raise Refused(out, f"leads out of {options.results}", "Name a folder with --out")
    return out


def complain(problems: Sequence[str]) -> int:
    """Name the problems on stderr; exit code 1 if there are any."""
    for problem in problems:
        say_error(problem)
    return 1 if problems else 0
