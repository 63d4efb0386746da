"""Say on which tasks one backbone is better than another, by how much and how sure.

Prints a table and plain words for each setting (measured and phantom figures, profiles, shares of labels are never
mixed). docs/statistics.md explains every figure. Records that cannot be used are named on stderr; the others are
compared all the same, with exit code 1.
"""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Sequence

from lvmmed_backbones.records import StoredRecord, nfc
from reports.agreement import setting
from reports.commands.common import NothingLeft, add_results, complain, load


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line."""
    add_results(parser)
    parser.add_argument("a", type=nfc, metavar="A", help="name of a backbone")
    parser.add_argument("b", type=nfc, metavar="B", help="name of another")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON instead")


def run(options: argparse.Namespace) -> int:
    """Read, compare, print; the exit code.

    Raises:
        OSError, ValueError: if there is nothing to compare.
    """
    records, problems = load(options)
    try:
        named(options.a, options.b, records)
    except ValueError as error:
        raise NothingLeft([*problems, str(error)]) from error

    # scipy, statsmodels and rich take seconds to import: --help and wrong names answer before that.
    from rich.console import Console

    from reports.compare import as_json, compare
    from reports.comparison_table import show
    from reports.leaderboard import order
    from reports.scores import sound_scores

    found = []
    for one in sorted({setting(record) for record in records}, key=order):
        several, unsound = sound_scores(
            [r for r in records if setting(r) == one and r.backbone.name in (options.a, options.b)]
        )
        problems += unsound
        a, b = ([s for s in several if s.backbone == name] for name in (options.a, options.b))
        if {(s.task, s.protocol) for s in a} & {(s.task, s.protocol) for s in b}:
            found.append((one, compare(a, b)))
    if not found:
        problems.append(f"{options.a} and {options.b} have no task in common in any setting.")
        return complain(problems)
    if options.json:
        print(as_json(found))
    else:
        show(found, Console())
    return complain(problems)


def named(a: str, b: str, records: Sequence[StoredRecord]) -> None:
    """Check that both are backbones of the records.

    Raises:
        ValueError: naming those that there are, and the likeliest that was meant.
    """
    there = sorted({record.backbone.name for record in records})
    for name in (a, b):
        if name not in there:
            meant = difflib.get_close_matches(name, there, n=1)
            hint = f" Did you mean {meant[0]}?" if meant else ""
            raise ValueError(f"no run of a backbone {name}.{hint} There are {', '.join(there)}.")
    if a == b:
        raise ValueError(f"{a} cannot be compared with itself. Name two backbones.")
