"""Print the tables of the paper, and write them.

Published figures, and beside them those of a folder of results, as LaTeX, Markdown, CSV and HTML. Tasks that fit no
column are named on stderr. Records that cannot be used are named there, too; the others are reported all the same, with
exit code 1.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lvmmed_backbones.display import plain
from reports.commands.common import add_results, complain, destination, load


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line."""
    add_results(parser, optional=True)
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="folder to write to (RESULTS/tables; without RESULTS nothing is written)",
    )
    parser.add_argument("--table", nargs="+", metavar="NAME", help="only these, such as table2")
    parser.add_argument(
        "--columns",
        nargs="+",
        metavar="TASK",
        help="instead of the paper's tables one of these columns, in this order: tasks of the "
        "records, or data sets of the paper; TASK:PROTOCOL for one protocol",
    )
    parser.add_argument(
        "--rows",
        nargs="+",
        metavar="NAME",
        help="only these rows, in this order: backbones of the records, or rows of the paper, "
        'such as "LVM-Med, ResNet-50"',
    )


def run(options: argparse.Namespace) -> int:
    """Read, fill, write, print; the exit code.

    Raises:
        OSError, ValueError: if there is nothing to report, or it cannot be written.
    """
    records, problems = load(options) if options.results else ([], [])

    # pandas and scipy take a second to import: --help and a wrong folder answer before that.
    from reports import published
    from reports.publish import write_all
    from reports.tables import csv, latex, markdown, page
    from reports.tables.choice import check_rows, frames
    from reports.tables.collect import tables

    figures, rows = published.read(), options.rows or []
    check_rows(rows, figures, records)
    found = tables(frames(options.table, options.columns, figures, records), records, rows)
    text = markdown.render(found.tables, found.notes)
    if options.out or options.results:
        files = write_all(
            destination(options, "tables"),
            {
                **latex.files(found.tables),
                "tables.md": text,
                "tables.csv": csv.render(found.tables),
                "tables.html": page.render(found.tables, found.notes),
            },
        )
        print(f"wrote {', '.join(map(plain, files))}", file=sys.stderr)
    print(text, end="")
    for note in found.notes:
        print(plain(note), file=sys.stderr)
    return complain([*problems, *found.problems])
