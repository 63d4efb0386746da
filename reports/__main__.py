"""Records, and the published figures, to leaderboards, tables, statistics, figures and a site."""

from __future__ import annotations

from lvmmed_backbones.stopping import stop_quietly

if __name__ == "__main__":  # before the other imports, so that a stop among them is quiet, too
    stop_quietly("Every file is as it was, or new and whole: start again")

import argparse
import inspect
import sys
from collections.abc import Sequence

from reports.commands import verbs
from reports.commands.common import NothingLeft, complain


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="python -m reports", description=__doc__)
    subparsers = top.add_subparsers(metavar="VERB", required=True)
    for name, module in verbs().items():
        description = inspect.getdoc(module) or ""
        help_ = description.partition("\n")[0].rstrip(".")
        verb = subparsers.add_parser(name, help=help_, description=description)
        module.add_arguments(verb)
        verb.set_defaults(run=module.run)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code, 0 only if every record could be used."""
    options = parser().parse_args(arguments)
    try:
        return options.run(options)
    except NothingLeft as error:
        return complain(error.problems)
    except (OSError, ValueError) as error:
        return complain([str(error)])


if __name__ == "__main__":
    sys.exit(main())
