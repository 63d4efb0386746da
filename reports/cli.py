"""Records, and the published figures, to leaderboards, tables, statistics, figures and a site."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lvmmed_backbones.display import plain, say_error
from lvmmed_backbones.shell import behind, carry_out
from reports.commands import NothingLeft
from reports.reading.selection import option_name
from reports.render.figures import KINDS

if TYPE_CHECKING:
    from reports.commands import (
        CompareReport,
        FiguresReport,
        LeaderboardReport,
        SiteReport,
        TablesReport,
    )

FILTERS = {
    "profile": "of these profiles",
    "task": "of these tasks",
    "architecture": "of backbones of these architectures",
    "corpus": "of backbones pretrained on these corpora",
    "protocol": "of these protocols",
    "label_fraction": "with these shares of the labels, in (0, 1]",
}
LEADERBOARD = """Print the leaderboard of a folder of results, and write it.

A row per backbone, a column per task, by mean rank or by normalised score over the tasks that all have; for one task,
`--task NAME`. It is written as Markdown and CSV, and with `--latex` in LaTeX. Records that cannot be used are named on
stderr; the others are reported all the same, with exit code 1.
"""
TABLES = """Print the tables of the paper, and write them.

Published figures, and beside them those of a folder of results, as LaTeX, Markdown, CSV and HTML. Tasks that fit no
column are named on stderr. Records that cannot be used are named there, too; the others are reported all the same, with
exit code 1.
"""
COMPARE = """Say on which tasks one backbone is better than another, by how much and how sure.

Prints a table and plain words for each condition (measured and phantom figures, profiles, shares of labels are never
mixed). docs/statistics.md explains every figure. Records that cannot be used are named on stderr; the others are
compared all the same, with exit code 1.
"""
FIGURES = """Draw the figures that a folder of results gives.

Scores with intervals, scores of cases, ranks, label efficiency, cost and, with --pretraining, the
curves of pretraining; each as SVG and PNG. Galleries, of which there is one for each backbone on each
task, are drawn with --kind gallery. The files are listed on stdout; figures with too little data are
named on stderr, with the reason. Records that cannot be used are named there too; the others are drawn
all the same, with exit code 1.
"""
SITE = """Write the site: leaderboards, a page per task and backbone, comparisons.

Static pages that work from a disk and without a network. Records that cannot be used are named on
stderr; the others are shown all the same, with exit code 1.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code, 0 only if every record could be used."""
    try:
        return carry_out(parser().parse_args(arguments))
    except NothingLeft as error:
        return _complain(error.problems)
    except (OSError, ValueError) as error:
        return _complain([str(error)])


def parser() -> argparse.ArgumentParser:
    """The command line: each verb has a function behind it, its options are that function's arguments."""
    top = argparse.ArgumentParser(prog="python -m reports", description=__doc__)
    verbs = top.add_subparsers(metavar="VERB", required=True)

    def verb(name: str, description: str, show: Callable[..., int]) -> argparse.ArgumentParser:
        first = description.partition("\n")[0].rstrip(".")
        added = verbs.add_parser(name, help=first, description=description)
        behind(added, f"reports.commands:{name}", show)
        return added

    _add_leaderboard(verb("leaderboard", LEADERBOARD, _show_leaderboard))
    _add_tables(verb("tables", TABLES, _show_tables))
    _add_compare(verb("compare", COMPARE, _show_compare))
    _add_figures(verb("figures", FIGURES, _show_figures))
    _add_site(verb("site", SITE, _show_site))
    return top


def _add_leaderboard(verb: argparse.ArgumentParser) -> None:
    _add_results(verb)
    _add_out(verb, "folder to write to (RESULTS/leaderboard)")
    verb.add_argument(
        "--metric",
        nargs="+",
        metavar="M",
        help="a board for each of these, such as dice iou map50 accuracy kappa "
        "(one board: each task in its headline metric)",
    )
    verb.add_argument(
        "--by", choices=("rank", "score"), default="rank", help="order of the rows (rank)"
    )
    verb.add_argument(
        "--published",
        action="store_true",
        help="add the paper's own figures of these tasks, in a table of their own",
    )
    verb.add_argument(
        "--latex",
        action="store_true",
        help="write leaderboard.tex, too, and leaderboard_document.tex, which reads it in",
    )


def _add_tables(verb: argparse.ArgumentParser) -> None:
    _add_results(verb, optional=True)
    _add_out(verb, "folder to write to (RESULTS/tables; without RESULTS nothing is written)")
    verb.add_argument("--table", nargs="+", metavar="NAME", help="only these, such as table2")
    verb.add_argument(
        "--columns",
        nargs="+",
        metavar="TASK",
        help="instead of the paper's tables one of these columns, in this order: tasks of the "
        "records, or data sets of the paper; TASK:PROTOCOL for one protocol",
    )
    verb.add_argument(
        "--rows",
        nargs="+",
        metavar="NAME",
        help="only these rows, in this order: backbones of the records, or rows of the paper, "
        'such as "LVM-Med, ResNet-50"',
    )


def _add_compare(verb: argparse.ArgumentParser) -> None:
    _add_results(verb)
    verb.add_argument("a", metavar="A", help="name of a backbone")
    verb.add_argument("b", metavar="B", help="name of another")
    verb.add_argument("--json", action="store_true", help="print the figures as JSON instead")


def _add_figures(verb: argparse.ArgumentParser) -> None:
    _add_results(verb)
    _add_out(verb, "folder to write to (RESULTS/figures)")
    verb.add_argument(
        "--kind",
        nargs="+",
        choices=KINDS,
        metavar="K",
        help=f"only these figures: {', '.join(KINDS)} (all but gallery)",
    )
    _add_pretraining(verb)


def _add_site(verb: argparse.ArgumentParser) -> None:
    _add_results(verb)
    _add_out(verb, "folder to write; one that this command made is replaced", required=True)
    _add_pretraining(verb)


def _add_results(verb: argparse.ArgumentParser, optional: bool = False) -> None:
    """RESULTS, which may be left out if it is `optional`, and the filters."""
    verb.add_argument(
        "results",
        type=Path,
        nargs="?" if optional else None,
        metavar="RESULTS",
        help="folder of runs; any record.json in it is read",
    )
    group = verb.add_argument_group("filters", "all of them hold at once")
    for name, which in FILTERS.items():
        group.add_argument(
            option_name(name),
            nargs="+",
            metavar=name[0].upper(),
            type=float if name == "label_fraction" else str,
            help=f"only runs {which}",
        )


def _add_out(verb: argparse.ArgumentParser, help_: str, required: bool = False) -> None:
    verb.add_argument("--out", type=Path, metavar="DIR", required=required, help=help_)


def _add_pretraining(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--pretraining",
        type=Path,
        nargs="+",
        default=(),
        metavar="RUN",
        help="work folders of pretraining runs, whose curves are shown too",
    )


def _show_leaderboard(made: LeaderboardReport) -> int:
    from rich.console import Console

    from reports.render.text.terminal import print_leaderboards

    _say(made.notes)
    print_leaderboards(made.sheets, Console())
    _say([f"wrote {', '.join(map(plain, made.files))}"])
    return _complain(made.problems)


def _show_tables(made: TablesReport) -> int:
    if made.files:
        _say([f"wrote {', '.join(map(plain, made.files))}"])
    print(made.text, end="")
    _say(map(plain, made.notes))
    return _complain(made.problems)


def _show_compare(found: CompareReport, json: bool) -> int:
    from rich.console import Console

    from reports.analysis.compare import as_json
    from reports.render.text.terminal import print_comparisons

    if found.comparisons and json:
        print(as_json(found.comparisons))
    elif found.comparisons:
        print_comparisons(found.comparisons, Console())
    return _complain(found.problems)


def _show_figures(made: FiguresReport) -> int:
    _say(f"not drawn: {plain(reason)}" for reason in made.not_drawn)
    for file in made.files:
        print(plain(file))
    return _complain(made.problems)


def _show_site(made: SiteReport) -> int:
    _say([f"wrote {plain(made.index)}"])
    return _complain(made.problems)


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        print(line, file=sys.stderr)


def _complain(problems: Sequence[str]) -> int:
    """Name the problems on stderr; exit code 1 if there are any."""
    for problem in problems:
        say_error(problem)
    return 1 if problems else 0
