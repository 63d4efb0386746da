"""Write the site: leaderboards, a page per task and backbone, comparisons.

Static pages that work from a disk and without a network. Records that cannot be used are named on
stderr; the others are shown all the same, with exit code 1.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from lvmmed_backbones.display import plain
from reports.commands.common import (
    add_pretraining,
    add_results,
    complain,
    load,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command line."""
    add_results(parser)
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        required=True,
        help="folder to write; one that this command made is replaced",
    )
    add_pretraining(parser)


def run(options: argparse.Namespace) -> int:
    """Read, check, build, put in place; the exit code.

    Raises:
        OSError, ValueError: if there is nothing to show, or it cannot be written.
    """
    records, problems = load(options)

    # pandas and scipy take a second to import: --help and a wrong folder answer before that.
    from tqdm import tqdm

    from reports.site.build import build
    from reports.site.folder import replacing

    # disable=None: no bar where stderr is no terminal.
    progress = partial(tqdm, leave=False, disable=None)
    with replacing(options.out) as folder:
        problems += build(records, options.pretraining, folder, progress)
    print(f"wrote {plain(options.out / 'index.html')}", file=sys.stderr)
    return complain(problems)
