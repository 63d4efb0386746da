"""The verbs of `lvmmed` that need a checkout of the suite, and the command lines behind them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from pkgutil import resolve_name

# For each verb: its command line, the arguments that come before the user's, what it does.
VERBS = {
    "tasks": ("tasks.__main__:main", (), "the data sets: list, prepare, phantoms, check, show"),
    "run": ("benchmarks.__main__:main", ("run",), "carry out a grid of runs"),
    "plan": ("benchmarks.__main__:main", ("plan",), "show a grid, and what of it is done"),
    "status": ("benchmarks.__main__:main", ("status",), "show what a folder of results holds"),
    "report": (
        "reports.__main__:main",
        (),
        "leaderboard, tables, compare, figures, site, export, push of a folder of results",
    ),
}


def is_checkout(folder: Path) -> bool:
    """Whether a folder is a checkout of the suite."""
    return (folder / "tasks" / "registry.py").is_file()


def carry_out(arguments: Sequence[str]) -> int:
    """Hand the words of a verb to its command line; return the exit code.

    Raises
    ------
    FileNotFoundError
        If the folder that the process is in is no checkout.
    """
    here = Path.cwd()
    if not is_checkout(here):
        raise FileNotFoundError(
            f"{here}: no checkout of the suite, which `lvmmed {arguments[0]}` needs. Clone it, and go into its folder"
        )
    if str(here) not in sys.path:  # the script `lvmmed` lies elsewhere
        sys.path.insert(0, str(here))
    main, before, _ = VERBS[arguments[0]]
    return resolve_name(main)([*before, *arguments[1:]])
