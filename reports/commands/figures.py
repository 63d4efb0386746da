"""Draw the figures that a folder of results gives.

Scores with intervals, scores of cases, ranks, label efficiency, cost, galleries and, with
--pretraining, the curves of pretraining; each as SVG and PNG. The files are listed on stdout;
figures with too little data are named on stderr, with the reason. Records that cannot be used are
named there too; the others are drawn all the same, with exit code 1.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lvmmed_backbones.display import plain
from reports.commands.common import add_pretraining, add_results, complain, destination, load


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line."""
    add_results(parser)
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder to write to (RESULTS/figures)"
    )
    add_pretraining(parser)


def run(options: argparse.Namespace) -> int:
    """Read, check, plan, draw; the exit code.

    Raises:
        OSError, ValueError: if there is nothing to report, or it cannot be written.
    """
    records, problems = load(options)

    # matplotlib and scipy take a second to import: --help and a wrong folder answer before that.
    from tqdm import tqdm

    from reports.figures.files import save
    from reports.figures.plan import plan

    made = plan(records, options.pretraining)
    problems += made.problems
    for reason in made.missing:
        print(f"not drawn: {plain(reason)}", file=sys.stderr)
    # disable=None: no bar where stderr is no terminal.
    for planned in tqdm(made.figures, desc="figures", unit="figure", leave=False, disable=None):
        folder, _, name = planned.name.rpartition("/")
        out = destination(options, "figures", folder)
        try:
            for path in save(planned.draw(), out / name):
                print(plain(path))
        except (FileNotFoundError, ValueError) as error:
            problems.append(f"{planned.name} is not drawn: {error}")
    return complain(problems)
