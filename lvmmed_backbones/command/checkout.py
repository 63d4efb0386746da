"""The verbs of `lvmmed` that need a checkout of the suite, and the command lines behind them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from pkgutil import resolve_name

# For each verb: its command line, the arguments that come before the user's, what it does.
VERBS = {
    "tasks": (
        "tasks.__main__:main",
        (),
        "the data sets: list, prepare, phantoms, check, show, versions, croissant",
    ),
    "run": ("benchmarks.__main__:main", ("run",), "carry out the runs of a study"),
    "plan": ("benchmarks.__main__:main", ("plan",), "show the runs of a study, and what is left"),
    "check": ("benchmarks.__main__:main", ("check",), "compose the runs of a study, run nothing"),
    "status": ("benchmarks.__main__:main", ("status",), "show what a folder of results holds"),
    "resume": ("benchmarks.__main__:main", ("resume",), "go on with what was begun"),
    "show": ("benchmarks.__main__:main", ("show",), "show all of one run"),
    "verify": ("benchmarks.__main__:main", ("verify",), "measure a record again, and compare"),
    "report": (
        "reports.__main__:main",
        (),
        "leaderboard, tables, compare, figures, site, export, push; merge, check, download, coverage of results",
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
