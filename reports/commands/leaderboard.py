"""Print the leaderboard of a folder of results, and write it.

A row per backbone, a column per task, by mean rank or by normalised score over the tasks that all have; for one task,
`--task NAME`. It is written as Markdown and CSV, and with `--latex` in LaTeX. Records that cannot be used are named on
stderr; the others are reported all the same, with exit code 1.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lvmmed_backbones.display import plain
from reports.commands.common import NothingLeft, add_results, complain, destination, load


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line."""
    add_results(parser)
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder to write to (RESULTS/leaderboard)"
    )
    parser.add_argument(
        "--metric",
        nargs="+",
        metavar="M",
        help="a board for each of these, such as dice iou map50 accuracy kappa "
        "(one board: each task in its headline metric)",
    )
    parser.add_argument(
        "--by", choices=("rank", "score"), default="rank", help="order of the rows (rank)"
    )
    parser.add_argument(
        "--published",
        action="store_true",
        help="add the paper's own figures of these tasks, in a table of their own",
    )
    parser.add_argument(
        "--latex",
        action="store_true",
        help="write leaderboard.tex, too, and leaderboard_document.tex, which reads it in",
    )


def run(options: argparse.Namespace) -> int:
    """Read, check, rank, write, print; the exit code.

    Raises:
        OSError, ValueError: if there is nothing to report, or it cannot be written.
    """
    records, problems = load(options)

    # pandas and rich take a second to import: --help and a wrong folder answer before that.
    import pandas as pd
    from rich.console import Console

    from reports import leaderboard_latex, published, terminal
    from reports.leaderboard import in_metric, leaderboards, long_table
    from reports.publish import publish
    from reports.published.board import published_cells, published_sheet
    from reports.wording import sheet

    boards = []
    for metric in options.metric or [None]:
        try:
            headed, undefined = in_metric(records, metric) if metric else (records, [])
        except ValueError as error:
            raise NothingLeft([*problems, str(error)]) from error
        boards += leaderboards(headed, options.by, metric)
        problems += undefined
    sheets = [sheet(board) for board in boards]
    cells = long_table(boards)
    if options.published:
        of_paper = published_cells(published.read(), [r for board in boards for r in board.records])
        if len(of_paper):
            sheets.append(published_sheet(of_paper))
            cells = pd.concat([cells, of_paper], ignore_index=True)
        else:
            print("the paper has no figures of these tasks", file=sys.stderr)
    latex = leaderboard_latex.files(sheets, boards) if options.latex else {}
    files = publish(cells, sheets, destination(options, "leaderboard"), latex)
    terminal.show(sheets, Console())
    print(f"wrote {', '.join(map(plain, files))}", file=sys.stderr)
    return complain(problems)
