"""`python -m reports`: records to leaderboards."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from reports.records import Record, read

LEADERBOARD = """Print the leaderboard of a folder of results, and write it as Markdown, CSV and a
web page. Records that cannot be used are named on stderr; the others are reported all the same,
with exit code 1."""
REPAIR = "no record is left to report, so nothing was written. Repair those above."


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="python -m reports", description=__doc__)
    verbs = top.add_subparsers(dest="verb", required=True)
    board = verbs.add_parser(
        "leaderboard",
        help="print and write the leaderboard of a folder of results",
        description=LEADERBOARD,
    )
    board.add_argument(
        "results",
        type=Path,
        metavar="RESULTS",
        help="folder of runs; any record.json in it is read",
    )
    board.add_argument(
        "--out", type=Path, metavar="DIR", help="folder to write to (RESULTS/leaderboard)"
    )
    board.add_argument("--profile", metavar="P", help="only runs of this profile")
    board.add_argument("--task", nargs="+", metavar="T", help="only runs of these tasks")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code, 0 only if every record could be used."""
    options = parser().parse_args(arguments)
    try:
        return leaderboard(options)
    except (OSError, ValueError) as error:
        return complain([str(error)])


def leaderboard(options: argparse.Namespace) -> int:
    """Read, check, rank, write, print; the exit code.

    Raises:
        OSError, ValueError: if there is nothing to report, or it cannot be written.
    """
    records, unsound = read(options.results)
    if not records:
        return complain([*unsound, f"{options.results}: {REPAIR}"])

    # pandas and rich take a second to import: --help and a wrong folder answer before that.
    from rich.console import Console

    from reports import terminal
    from reports.agreement import agreeing
    from reports.leaderboard import leaderboards
    from reports.publish import publish
    from reports.wording import sheet

    agreed, contradictions = agreeing(selected(records, options.profile, options.task))
    problems = [*unsound, *contradictions]
    if not agreed:
        return complain([*problems, f"{options.results}: {REPAIR}"])
    boards = leaderboards(agreed)
    sheets = [sheet(board) for board in boards]
    files = publish(boards, sheets, options.out or options.results / "leaderboard")
    terminal.show(sheets, Console())
    print(f"wrote {', '.join(map(str, files))}", file=sys.stderr)
    return complain(problems)


def selected(
    records: Sequence[Record], profile: str | None, tasks: Sequence[str] | None
) -> list[Record]:
    """The records of a profile and of some tasks; None: of all.

    Raises:
        ValueError: if no record has the profile or one of the tasks.
    """
    for option, wanted, there in (
        ("--profile", [profile] if profile else [], {record.profile for record in records}),
        ("--task", tasks or [], {record.task for record in records}),
    ):
        for name in wanted:
            if name not in there:
                choice = ", ".join(sorted(there))
                raise ValueError(f"{option} {name}: no record has it. Choose from {choice}.")
    found = [
        record
        for record in records
        if profile in (None, record.profile) and (not tasks or record.task in tasks)
    ]
    if not found:
        both = f"profile {profile} and of {' or '.join(tasks or [])}"
        raise ValueError(f"no record is of {both}. Leave out --profile or --task.")
    return found


def complain(problems: Sequence[str]) -> int:
    """Name the problems on stderr; exit code 1 if there are any."""
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
