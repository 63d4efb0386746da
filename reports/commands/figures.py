"""Draw the figures that a folder of results gives.

Scores with intervals, scores of cases, ranks, label efficiency, cost and, with --pretraining, the
curves of pretraining; each as SVG and PNG. Galleries, of which there is one for each backbone on each
task, are drawn with --kind gallery. The files are listed on stdout; figures with too little data are
named on stderr, with the reason. Records that cannot be used are named there too; the others are drawn
all the same, with exit code 1.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lvmmed_backbones.display import plain
from reports.commands.common import add_pretraining, add_results, complain, destination, load
from reports.figures import KINDS, USUAL


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line."""
    add_results(parser)
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder to write to (RESULTS/figures)"
    )
    parser.add_argument(
        "--kind",
        nargs="+",
        choices=KINDS,
        metavar="K",
        help=f"only these figures: {', '.join(KINDS)} (all but gallery)",
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
    from reports.figures.plan import first_seeds, plan
    from reports.gallery import has_gallery
    from reports.wording import plural

    made = plan(records, options.pretraining, options.kind or USUAL)
    problems += made.problems
    if not options.kind and (galleries := sum(map(has_gallery, first_seeds(records)))):
        made.missing.append(
            f"galleries of {plural(galleries, 'run')}: `--kind gallery` draws them."
        )
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
