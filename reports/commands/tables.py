"""Print the tables of the paper, and write them.

Published figures, and beside them those of a folder of results, as LaTeX, Markdown, CSV and HTML. Records that cannot
be used are named on stderr; the others are reported all the same, with exit code 1.
"""

from __future__ import annotations

import argparse
import sys
from itertools import groupby
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
    from reports.tables.collect import tables
    from reports.tables.layout import chosen

    made, unread = tables(chosen(options.table), published.read(), records)
    if options.out or options.results:
        out = destination(options, "tables")
        by_name = {n: list(some) for n, some in groupby(made, lambda table: table.name)}
        files = write_all(
            out,
            {
                **{f"{name}.tex": latex.render(some) for name, some in by_name.items()},
                "tables.tex": latex.document(by_name),
                "tables.md": markdown.render(made),
                "tables.csv": csv.render(made),
                "tables.html": page.render(made),
            },
        )
        print(f"wrote {', '.join(map(plain, files))}", file=sys.stderr)
    print(markdown.render(made), end="")
    return complain([*problems, *unread])
