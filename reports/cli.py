"""Records, and the published figures, to leaderboards, tables, statistics, figures and a site."""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import reports
from lvmmed_backbones.command.shell import behind, carry_out
from lvmmed_backbones.display import plain, say_error
from reports import commands, other_tools
from reports.reading.selection import option_name
from reports.render.figures import KINDS

if TYPE_CHECKING:
    from reports.sharing.coverage import Coverage
    from reports.sharing.merge import Merged
    from reports.sharing.repository import Checked

FILTERS = {
    "profile": "of these profiles",
    "task": "of these tasks",
    "architecture": "of backbones of these architectures",
    "corpus": "of backbones pretrained on these corpora",
    "protocol": "of these protocols",
    "recipe": "of these recipes: suite (the suite's protocols), release (as LVM-Med's authors released them)",
    "label_fraction": "with these shares of the labels, in (0, 1]",
}
EPILOG = "Problems are named on stderr; the exit code is then 1."


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code, 0 only if every record could be used."""
    try:
        return carry_out(parser().parse_args(arguments))
    except commands.NothingLeft as error:
        return _complain(error.problems)
    except (OSError, ValueError, ModuleNotFoundError) as error:
        return _complain([str(error)])


def parser() -> argparse.ArgumentParser:
    """The command line: each verb has a function behind it, its options are that function's arguments."""
    top = argparse.ArgumentParser(prog="python -m reports", description=__doc__)
    verbs = top.add_subparsers(metavar="VERB", required=True)

    leaderboard = _add_verb(verbs, "leaderboard", _show_leaderboard)
    _add_out(leaderboard, "folder to write to (RESULTS/leaderboard)")
    leaderboard.add_argument(
        "--metric",
        nargs="+",
        metavar="M",
        help="a board for each of these, such as dice iou map50 accuracy kappa "
        "(one board: each task in its headline metric)",
    )
    leaderboard.add_argument(
        "--by", choices=("rank", "score"), default="rank", help="order of the rows (rank)"
    )
    _add_flag(
        leaderboard,
        "--without-leaked",
        "rank on the test cases that no backbone here is known to have seen in its pretraining",
    )
    _add_flag(
        leaderboard,
        "--published",
        "add the paper's own figures of these tasks, in a table of their own",
    )
    _add_flag(
        leaderboard,
        "--latex",
        "write leaderboard.tex, too, and leaderboard_document.tex, which reads it in",
    )

    tables = _add_verb(verbs, "tables", _show_tables, nargs="?")
    _add_out(tables, "folder to write to (RESULTS/tables; without RESULTS nothing is written)")
    tables.add_argument("--table", nargs="+", metavar="NAME", help="only these, such as table2")
    tables.add_argument(
        "--columns",
        nargs="+",
        metavar="TASK",
        help="instead of the paper's tables one of these columns, in this order: tasks of the "
        "records, or data sets of the paper; TASK:PROTOCOL for one protocol",
    )
    tables.add_argument(
        "--rows",
        nargs="+",
        metavar="NAME",
        help="only these rows, in this order: backbones of the records, or rows of the paper, "
        'such as "LVM-Med, ResNet-50"',
    )

    compare = _add_verb(
        verbs,
        "compare",
        _show_compare,
        results="folder of runs; or scores of other tools, a file or a folder of them",
    )
    compare.add_argument("a", metavar="A", help="name of a backbone")
    compare.add_argument("b", metavar="B", help="name of another")
    compare.add_argument(
        "--metric", metavar="M", help="compare in this metric (each task's headline)"
    )
    _add_flag(compare, "--percent", "scores of another tool are percent, even those of 1 and less")
    _add_flag(compare, "--json", "print the figures as JSON instead")

    figures = _add_verb(verbs, "figures", _show_figures)
    _add_out(figures, "folder to write to (RESULTS/figures)")
    kinds = f"only these figures: {', '.join(KINDS)} (all but gallery)"
    figures.add_argument("--kind", nargs="+", choices=KINDS, metavar="K", help=kinds)
    _add_pretraining(figures)

    site = _add_verb(verbs, "site", _show_site)
    _add_out(site, "folder to write; one that this command made is replaced", required=True)
    _add_pretraining(site)

    export = _add_verb(verbs, "export", _show_export, home=other_tools)
    _add_out(export, "Parquet file to write", required=True, metavar="FILE")

    push = _add_verb(verbs, "push", _show_push, home=other_tools)
    push.add_argument("--to", choices=other_tools.TRACKERS, required=True, help="the tracker")
    push.add_argument(
        "--uri",
        help="address of its server, such as http://127.0.0.1:5000 "
        "(that in the environment's MLFLOW_TRACKING_URI)",
    )
    push.add_argument(
        "--experiment",
        default="lvmmed",
        metavar="NAME",
        help="experiment there, which is made if there is none (lvmmed)",
    )
    _add_sharing(verbs)
    return top


def _add_sharing(verbs: Any) -> None:
    """Add the verbs that share records: merge, check, download, coverage."""
    merge = _add_described(verbs, "merge", _show_merged)
    merge.add_argument("results", type=Path, nargs="+", metavar="RESULTS", help="folders of runs")
    _add_out(merge, "folder of results to add them to", required=True)

    check = _add_described(verbs, "check", _show_checked)
    check.add_argument("repository", type=Path, metavar="REPOSITORY", help="its folder")

    source = "folder, or URL of a git repository by https, ssh or file"
    download = _add_described(verbs, "download", _show_merged)
    download.add_argument("source", metavar="SOURCE", help=source)
    to = "folder of results to add the records to"
    download.add_argument("--to", type=Path, required=True, metavar="RESULTS", help=to)
    _add_filters(download)

    coverage = _add_described(verbs, "coverage", _show_coverage)
    coverage.add_argument("source", metavar="SOURCE", help=source)
    _add_filters(coverage)


def _add_described(verbs: Any, name: str, show: Callable[..., int]) -> argparse.ArgumentParser:
    """Add a verb whose function is `reports.NAME`, and whose help is that function's docstring."""
    text = inspect.getdoc(getattr(reports, name)) or ""
    description, first = text.partition("\n\nParameters\n")[0], text.partition("\n")[0]
    verb = verbs.add_parser(name, help=first.rstrip("."), description=description, epilog=EPILOG)
    behind(verb, f"reports:{name}", show)
    return verb


def _add_verb(
    verbs: Any,
    name: str,
    show: Callable[..., int],
    nargs: str | None = None,
    results: str = "folder of runs; any record.json in it is read",
    home: ModuleType = commands,
) -> argparse.ArgumentParser:
    """Add a verb with RESULTS (`nargs` as argparse has it) and the filters; its function's docstring describes it."""
    text = inspect.getdoc(getattr(home, name)) or ""
    description, first = text.partition("\n\nParameters\n")[0], text.partition("\n")[0]
    verb = verbs.add_parser(name, help=first.rstrip("."), description=description, epilog=EPILOG)
    behind(verb, f"{home.__name__}:{name}", show)
    verb.add_argument(
        "results",
        type=Path,
        nargs=nargs,
        metavar="RESULTS",
        help=results,
    )
    _add_filters(verb)
    return verb


def _add_filters(verb: argparse.ArgumentParser) -> None:
    group = verb.add_argument_group("filters", "all of them hold at once")
    for field, which in FILTERS.items():
        group.add_argument(
            option_name(field),
            nargs="+",
            metavar=field[0].upper(),
            type=float if field == "label_fraction" else str,
            help=f"only runs {which}",
        )


def _add_out(
    verb: argparse.ArgumentParser, help_: str, required: bool = False, metavar: str = "DIR"
) -> None:
    verb.add_argument("--out", type=Path, metavar=metavar, required=required, help=help_)


def _add_flag(verb: argparse.ArgumentParser, name: str, help_: str) -> None:
    verb.add_argument(name, action="store_true", help=help_)


def _add_pretraining(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--pretraining",
        type=Path,
        nargs="+",
        default=(),
        metavar="RUN",
        help="work folders of pretraining runs, whose curves are shown too",
    )


def _show_leaderboard(report: commands.LeaderboardReport) -> int:
    from rich.console import Console

    from reports.render.text.terminal import print_leaderboards

    _say(report.notes)
    print_leaderboards(report.sheets, Console())
    _say([f"wrote {', '.join(map(plain, report.files))}"])
    return _complain(report.problems)


def _show_tables(report: commands.TablesReport) -> int:
    if report.files:
        _say([f"wrote {', '.join(map(plain, report.files))}"])
    print(report.text, end="")
    _say(map(plain, report.notes))
    return _complain(report.problems)


def _show_compare(report: commands.CompareReport, json: bool) -> int:
    from rich.console import Console

    from reports.analysis.compare import as_json
    from reports.render.text.terminal import print_comparisons

    _say(map(plain, report.notes))
    if report.comparisons and json:
        print(as_json(report.comparisons))
    elif report.comparisons:
        print_comparisons(report.comparisons, Console())
    return _complain(report.problems)


def _show_figures(report: commands.FiguresReport) -> int:
    _say(f"not drawn: {plain(reason)}" for reason in report.not_drawn)
    for file in report.files:
        print(plain(file))
    return _complain(report.problems)


def _show_site(report: commands.SiteReport) -> int:
    _say(report.notes)
    _say([f"wrote {plain(report.index)}"])
    return _complain(report.problems)


def _show_merged(merged: Merged) -> int:
    runs, equal = len(merged.added), merged.equal
    added = f"runs added: {runs}, there already with the same scores: {equal}, audits added: {merged.audits}"
    _say([f"{plain(merged.out)}: {added}"])
    return _complain(merged.problems)


def _show_checked(checked: Checked) -> int:
    _say(map(plain, checked.notes))
    print(f"sound records: {checked.records}, problems: {len(checked.problems)}")
    return _complain(checked.problems)


def _show_coverage(coverage: Coverage) -> int:
    from rich.console import Console

    from reports.render.text.coverage_text import print_coverage

    print_coverage(coverage.cells, Console())
    return _complain(coverage.problems)


def _show_export(report: other_tools.ExportReport) -> int:
    _say([f"wrote {plain(report.file)}: {report.runs} runs"])
    return _complain(report.problems)


def _show_push(report: other_tools.PushReport) -> int:
    counts = f"{report.made} runs made, {report.updated} updated, {report.unchanged} as they were"
    _say([f"{plain(report.address)}: {counts}"])
    return _complain(report.problems)


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        print(line, file=sys.stderr)


def _complain(problems: Sequence[str]) -> int:
    """Name the problems on stderr; return the exit code, 1 if there are any."""
    for problem in problems:
        say_error(problem)
    return 1 if problems else 0
